/**
 * Random histories of a log over the disk that forgets: append, wait, checkpoint, lose power, be killed, run out of
 * space, start again. After every start all that was durable is back, in order, once, and nothing else but records that
 * were appended. VARVE_SEED and VARVE_HISTORIES choose others.
 */
import { test } from 'vitest';
import { Random } from '../bytes/random.ts';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import type { VarveError } from '../errors/errors.ts';
import { openAndCollect, randomPayload } from './history.ts';
import type { SyncMode } from './options.ts';
import type { Wal } from './wal.ts';

const SEED = Number(process.env.VARVE_SEED ?? Date.now() % 1e9);
const HISTORIES = Number(process.env.VARVE_HISTORIES ?? 2000);

/** Cheaper than an assertion library's, as there are hundreds of thousands. */
function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

class History {
  readonly random: Random;
  readonly fs: MemoryFileSystem;
  /** By LSN, what was appended last under it, since the last start. */
  appended = new Map<number, string>();
  acknowledged = 0;
  checkpointed = 0;
  number = 0;
  wal!: Wal;
  mode: SyncMode;
  archive: boolean;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.fs = new MemoryFileSystem(seed + 1);
    this.mode = this.random.pick<SyncMode>(['group', 'group', 'always', 'async', 'none']);
    this.archive = this.random.chance(0.2);
  }

  async run(): Promise<void> {
    const lives = 2 + this.random.below(4);
    for (let life = 0; life < lives; life++) {
      await this.start();
      await this.live();
      await this.end();
    }
    await this.start();
    await this.wal.close();
  }

  /** Starts, and compares what is replayed with what was. */
  async start(): Promise<void> {
    const { wal, seen, report } = await openAndCollect(this.fs, {
      mode: this.mode,
      segmentSizeBytes: 1024 + 1024 * this.random.below(4),
      spareSegments: this.random.below(3),
      archiveDirectory: this.archive ? '/data/archive' : null,
    });
    this.wal = wal;
    check(report.losses.length === 0, 'nothing durable is lost');
    let last = report.checkpointLsn;
    check(last === this.checkpointed, `the checkpoint is ${last}, not ${this.checkpointed}`);
    for (const { lsn, payload } of seen) {
      check(lsn > last, `LSN ${lsn} follows ${last}`);
      last = lsn;
      check(payload === this.appended.get(lsn), `LSN ${lsn} is what was appended`);
    }
    const back = new Set(seen.map(({ lsn }) => lsn));
    const highest = Math.max(this.acknowledged, last);
    for (const lsn of this.appended.keys()) {
      if (lsn > this.checkpointed && lsn <= highest) check(back.has(lsn), `LSN ${lsn} is back`);
      if (lsn > highest) this.appended.delete(lsn);
    }
    check(wal.lastLsn >= highest, `LSNs go on at ${wal.lastLsn}, not before ${highest}`);
    this.acknowledged = Math.max(highest, this.checkpointed);
  }

  async live(): Promise<void> {
    const steps = this.random.below(25);
    const waits: Promise<void>[] = [];
    for (let step = 0; step < steps; step++) {
      const what = this.random.unit();
      if (what < 0.6) waits.push(...this.append());
      else if (what < 0.8) await Promise.all(waits.splice(0));
      else if (what < 0.9) this.checkpoint();
      else if (what < 0.95) await new Promise((resolve) => setImmediate(resolve));
      else if (!(await this.fillUp())) break;
    }
    if (this.random.chance(0.5)) await Promise.all(waits);
  }

  append(): Promise<void>[] {
    const { random, wal } = this;
    const payload = randomPayload(random, this.number++);
    const lsn = wal.append(1 + random.below(4), random.below(3), payload);
    check(!this.appended.has(lsn), `LSN ${lsn} is given once`);
    this.appended.set(lsn, Buffer.from(payload).toString('latin1'));
    if (random.chance(0.5)) return [];
    const durable = this.mode === 'async' || this.mode === 'none' ? wal.sync() : wal.durable(lsn);
    const wait = durable.then(() => {
      if (this.wal === wal) this.acknowledged = Math.max(this.acknowledged, lsn);
    });
    return [wait.catch(() => {})];
  }

  checkpoint(): void {
    const { random, wal } = this;
    const lsn = this.checkpointed + random.below(wal.lastLsn - this.checkpointed + 1);
    wal.checkpoint(lsn);
    this.checkpointed = Math.max(this.checkpointed, lsn);
  }

  /** The disk is full for a while. What was accepted stays accepted. False when it stays full. */
  async fillUp(): Promise<boolean> {
    const { fs, random, wal } = this;
    fs.capacityBytes = fs.usedBytes() + random.below(600);
    for (let i = 0; i < 6; i++) {
      try {
        await Promise.all(this.append());
      } catch (error) {
        check((error as VarveError).code === 'read_only', `the disk is full: ${error}`);
        break;
      }
    }
    if (random.chance(0.3)) return false;
    fs.capacityBytes = Number.POSITIVE_INFINITY;
    check(wal.retry(), 'there is room again');
    return true;
  }

  async end(): Promise<void> {
    const how = this.random.below(4);
    const { fs, wal } = this;
    if (how === 0) {
      fs.capacityBytes = Number.POSITIVE_INFINITY;
      await wal.close();
      this.acknowledged = Math.max(...this.appended.keys(), 0);
    } else if (how === 1) {
      fs.kill();
    } else {
      fs.crash();
    }
    fs.capacityBytes = Number.POSITIVE_INFINITY;
    this.wal = undefined as unknown as Wal;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test(`${HISTORIES} random histories from seed ${SEED}`, { timeout: 120_000 + 50 * HISTORIES }, async () => {
  for (let i = 0; i < HISTORIES; i++) {
    const seed = SEED + i * 2;
    try {
      await new History(seed).run();
    } catch (error) {
      throw new Error(`history of VARVE_SEED=${seed} VARVE_HISTORIES=1 failed: ${(error as Error).stack}`);
    }
  }
});
