import { describe, expect, test } from 'vitest';
import { ManualClock } from '../clock/clock.ts';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import type { VarveError } from '../errors/errors.ts';
import { LOG_DIRECTORY, openAndCollect } from './history.ts';
import { openWal } from './open-wal.ts';
import type { WalOptions } from './options.ts';
import { BATCH, DEFINITIONS, MAX_PAYLOAD_BYTES } from './record.ts';
import { listSegments } from './segment.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function emptyLog(options: WalOptions = {}) {
  const fs = new MemoryFileSystem();
  return { fs, ...(await openAndCollect(fs, options)) };
}

async function codeOf(run: Promise<unknown>): Promise<string> {
  try {
    await run;
  } catch (error) {
    return (error as VarveError).code;
  }
  return 'none';
}

async function texts(fs: MemoryFileSystem, options: WalOptions = {}): Promise<string[]> {
  const { wal, seen } = await openAndCollect(fs, options);
  await wal.close();
  return seen.map(({ payload }) => payload);
}

describe('records', () => {
  test('come back as they were appended, with type, database and consecutive LSNs', async () => {
    const { fs, wal } = await emptyLog();
    expect(wal.lastLsn).toBe(0);
    expect(wal.append(DEFINITIONS, 0, bytes('series'))).toBe(1);
    expect(wal.append(BATCH, 4_000_000_000, bytes(''))).toBe(2);
    await wal.close();
    const { seen } = await openAndCollect(fs);
    expect(seen).toEqual([
      { lsn: 1, type: DEFINITIONS, database: 0, payload: 'series' },
      { lsn: 2, type: BATCH, database: 4_000_000_000, payload: '' },
    ]);
  });

  test('of the greatest size, far beyond a segment, come back; larger ones are refused', async () => {
    const { fs, wal } = await emptyLog({ segmentSizeBytes: 1 << 20 });
    const payload = new Uint8Array(MAX_PAYLOAD_BYTES);
    for (let i = 0; i < payload.length; i += 4093) payload[i] = i;
    wal.append(BATCH, 1, bytes('small'));
    wal.append(BATCH, 1, payload);
    wal.append(BATCH, 1, bytes('after'));
    await wal.sync();
    await wal.close();
    expect(() => wal.append(BATCH, 1, bytes('x'))).toThrow('closed');
    const sizes: number[] = [];
    const { wal: again } = await openWal(fs, LOG_DIRECTORY, { segmentSizeBytes: 1 << 20 }, (lsn, _type, _db, seen) => {
      sizes.push(seen.length);
      if (lsn === 2) expect(Buffer.compare(seen, payload)).toBe(0);
    });
    expect(sizes).toEqual([5, MAX_PAYLOAD_BYTES, 5]);
    expect(() => again.append(BATCH, 1, new Uint8Array(MAX_PAYLOAD_BYTES + 1))).toThrow('BUG');
  });

  test('fill segments that are named for their first LSN', async () => {
    const { fs, wal } = await emptyLog({ segmentSizeBytes: 300 });
    for (let i = 0; i < 20; i++) wal.append(BATCH, 1, bytes(`record ${i}`));
    await wal.close();
    const names = fs.list(LOG_DIRECTORY).filter((name) => name.endsWith('.wal'));
    expect(names[0]).toBe('0000000000000001.wal');
    expect(names.length).toBeGreaterThan(2);
    for (const name of names) expect(fs.size(`${LOG_DIRECTORY}/${name}`)).toBeLessThanOrEqual(300);
    expect((await texts(fs)).length).toBe(20);
  });
});

describe('durability', () => {
  test('group: all that wait share one sync, and those that come meanwhile share the next', async () => {
    const { fs, wal } = await emptyLog();
    fs.holdSyncs = true;
    const before = fs.calls.sync;
    const done: number[] = [];
    const add = (n: number) => wal.durable(wal.append(BATCH, 1, bytes(`${n}`))).then(() => done.push(n));
    const first = [add(1), add(2), add(3)];
    await turn();
    expect(fs.calls.sync - before).toBe(1);
    const second = [add(4), add(5)];
    await turn();
    await turn();
    expect(fs.calls.sync - before).toBe(1);
    expect(done).toEqual([]);
    fs.releaseSyncs();
    await Promise.all(first);
    expect(done).toEqual([1, 2, 3]);
    await turn();
    await turn();
    expect(fs.calls.sync - before).toBe(2);
    fs.releaseSyncs();
    await Promise.all(second);
    expect(done).toEqual([1, 2, 3, 4, 5]);
    expect(wal.durableLsn).toBeGreaterThanOrEqual(5);
  });

  test('group: one write per turn of the event loop', async () => {
    const { fs, wal } = await emptyLog();
    fs.holdSyncs = true;
    const before = fs.calls.write;
    const waits = [1, 2, 3].map((n) => wal.durable(wal.append(BATCH, 1, bytes(`${n}`))));
    await turn();
    expect(fs.calls.write - before).toBe(1);
    fs.releaseSyncs();
    await Promise.all(waits);
  });

  test('always: who waits while the log is closed gets a sync, and none is under way when it is closed', async () => {
    // So small that the mark of a clean stop begins a segment.
    const { fs, wal } = await emptyLog({ mode: 'always', segmentSizeBytes: 200 });
    const waiting: Promise<void>[] = [];
    for (let n = 0; n < 5; n++) waiting.push(wal.durable(wal.append(BATCH, 1, bytes(`record ${n}`))));
    const ends = Promise.allSettled(waiting);
    await wal.close();
    expect((await ends).map(({ status }) => status)).toEqual(waiting.map(() => 'fulfilled'));
    const { syncs, state } = wal.stats();
    expect(state).toBe('closed');
    for (let n = 0; n < 5; n++) await turn();
    expect(wal.stats().syncs).toBe(syncs);
    expect(await texts(fs)).toEqual(waiting.map((_, n) => `record ${n}`));
  });

  test('always: a sync for everyone that waits', async () => {
    const { fs, wal } = await emptyLog({ mode: 'always' });
    const before = fs.calls.sync;
    await Promise.all([1, 2, 3].map((n) => wal.durable(wal.append(BATCH, 1, bytes(`${n}`)))));
    expect(fs.calls.sync - before).toBe(3);
  });

  test('async: survives a kill once durable resolved, and a power loss after the interval', async () => {
    const { fs, wal } = await emptyLog({ mode: 'async', asyncIntervalMs: 5 });
    const before = fs.calls.sync;
    fs.holdSyncs = true;
    await wal.durable(wal.append(BATCH, 1, bytes('a')));
    expect(wal.durableLsn).toBe(0);
    while (fs.calls.sync === before) await new Promise((resolve) => setTimeout(resolve, 2));
    fs.holdSyncs = false;
    fs.releaseSyncs();
    while (wal.durableLsn < 1) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(fs.calls.sync - before).toBe(1);
    fs.kill();
    expect(await texts(fs)).toEqual(['a']);
  });

  test('none: never syncs by itself', async () => {
    const { fs, wal } = await emptyLog({ mode: 'none' });
    const before = fs.calls.sync;
    await wal.durable(wal.append(BATCH, 1, bytes('a')));
    expect(fs.calls.sync).toBe(before);
    await wal.sync();
    expect(fs.calls.sync).toBeGreaterThan(before);
  });

  test('large data is written without anyone waiting', async () => {
    const { fs, wal } = await emptyLog({ segmentSizeBytes: 1 << 25 });
    const before = fs.calls.write;
    for (let i = 0; i < 12; i++) wal.append(BATCH, 1, new Uint8Array(100_000));
    expect(fs.calls.write - before).toBe(1);
    expect(wal.stats().pendingBytes).toBeLessThan(200_000);
  });
});

describe('a full disk', () => {
  test('refuses until there is room, and loses nothing that was accepted', async () => {
    const { fs, wal } = await emptyLog();
    await wal.durable(wal.append(BATCH, 1, bytes('before')));
    fs.capacityBytes = fs.usedBytes() + 20;
    const lsn = wal.append(DEFINITIONS, 1, bytes('accepted'));
    const waits = wal.durable(lsn);
    await expect(waits).rejects.toThrow('cannot write to the log: no space left on device');
    expect(await codeOf(waits)).toBe('read_only');
    expect(wal.writable).toBe(false);
    expect(() => wal.append(BATCH, 1, bytes('refused'))).toThrow('no space left');
    expect(() => wal.checkWritable()).toThrow('no space left');
    expect(wal.retry()).toBe(false);
    expect(wal.stats().state).toBe('full');
    fs.capacityBytes = 1e9;
    expect(wal.retry()).toBe(true);
    await wal.durable(lsn);
    await wal.durable(wal.append(BATCH, 1, bytes('after')));
    fs.crash();
    expect(await texts(fs)).toEqual(['before', 'accepted', 'after']);
  });

  test('recovers by itself', async () => {
    const { fs, wal } = await emptyLog({ retryIntervalMs: 2 });
    fs.capacityBytes = fs.usedBytes();
    expect(await codeOf(wal.durable(wal.append(BATCH, 1, bytes('a'))))).toBe('read_only');
    fs.capacityBytes = 1e9;
    while (!wal.writable) await new Promise((resolve) => setTimeout(resolve, 2));
    await wal.sync();
    fs.crash();
    expect(await texts(fs)).toEqual(['a']);
  });

  test('leaves no part of a record behind when the next segment cannot be made', async () => {
    const { fs, wal } = await emptyLog({ segmentSizeBytes: 200 });
    await wal.durable(wal.append(BATCH, 1, new Uint8Array(100)));
    fs.capacityBytes = fs.usedBytes() + 10;
    expect(await codeOf(wal.durable(wal.append(BATCH, 1, new Uint8Array(100))))).toBe('read_only');
    expect(listSegments(fs, LOG_DIRECTORY).segments.length).toBe(1);
    fs.capacityBytes = 1e9;
    expect(wal.retry()).toBe(true);
    await wal.close();
    expect((await texts(fs)).length).toBe(2);
  });
});

describe('a failing disk', () => {
  test('a sync that fails is final: nothing is promised or accepted any more', async () => {
    const fatal: Error[] = [];
    const { fs, wal } = await emptyLog({ onFatal: (error) => fatal.push(error) });
    fs.fail('sync');
    const lsn = wal.append(BATCH, 1, bytes('a'));
    const waits = wal.durable(lsn);
    await expect(waits).rejects.toThrow('FATAL: cannot sync the log: EIO');
    expect(await codeOf(wal.durable(lsn))).toBe('internal');
    expect(() => wal.append(BATCH, 1, bytes('b'))).toThrow('FATAL');
    expect(wal.retry()).toBe(false);
    expect(fatal.length).toBe(1);
    expect(await codeOf(wal.close())).toBe('internal');
  });

  test('so is a write that fails for another reason than space', async () => {
    const fatal: Error[] = [];
    const { fs, wal } = await emptyLog({ onFatal: (error) => fatal.push(error) });
    fs.fail('write');
    await expect(wal.durable(wal.append(BATCH, 1, bytes('a')))).rejects.toThrow('FATAL: cannot write to the log: EIO');
    expect(fatal.length).toBe(1);
  });
});

describe('checkpoints', () => {
  test('bound the replay and remove what is behind them, but not the active segment', async () => {
    const { fs, wal } = await emptyLog({ segmentSizeBytes: 300, spareSegments: 0 });
    for (let i = 1; i <= 20; i++) wal.append(BATCH, 1, bytes(`${i}`));
    await wal.sync();
    const { segments } = wal.stats();
    wal.truncateBefore(21);
    expect(wal.stats().segments).toBe(segments);
    wal.checkpoint(15);
    expect(wal.checkpointLsn).toBe(15);
    expect(wal.stats().segments).toBeLessThan(segments);
    wal.checkpoint(20);
    expect(wal.stats().segments).toBe(1);
    wal.append(BATCH, 1, bytes('21'));
    await wal.close();
    expect(await texts(fs)).toEqual(['21']);
  });

  test('of everything give the space of the active segment back as well', async () => {
    const { fs, wal } = await emptyLog({ segmentSizeBytes: 1 << 25, spareSegments: 0 });
    await wal.durable(wal.append(BATCH, 1, new Uint8Array(500_000)));
    wal.checkpoint(wal.lastLsn);
    expect(wal.stats().sizeBytes).toBeLessThan(100);
    await wal.durable(wal.append(BATCH, 1, bytes('next')));
    fs.crash();
    expect(await texts(fs)).toEqual(['next']);
  });

  test('find room on a full disk in the spare segments', async () => {
    const { fs, wal } = await emptyLog({ segmentSizeBytes: 1024, spareSegments: 1 });
    for (let i = 0; i < 60; i++) wal.append(BATCH, 1, bytes('record'));
    await wal.sync();
    wal.checkpoint(40);
    expect(listSegments(fs, LOG_DIRECTORY).spares.length).toBe(1);
    fs.capacityBytes = fs.usedBytes();
    wal.checkpoint(50);
    expect(wal.checkpointLsn).toBe(50);
    expect(listSegments(fs, LOG_DIRECTORY).spares.length).toBeLessThanOrEqual(1);
  });

  test('LSNs are never given twice, though a power loss takes records behind the checkpoint', async () => {
    for (let seed = 0; seed < 50; seed++) {
      const fs = new MemoryFileSystem(seed);
      const { wal } = await openAndCollect(fs, { mode: 'async' });
      for (let i = 0; i < 5; i++) wal.append(BATCH, 1, bytes(`lost ${i}`));
      wal.checkpoint(5);
      fs.crash();
      const { wal: again, seen } = await openAndCollect(fs);
      expect(seen).toEqual([]);
      const lsn = again.append(BATCH, 1, bytes('kept'));
      expect(lsn).toBeGreaterThan(5);
      await again.durable(lsn);
      fs.crash();
      expect(await texts(fs)).toEqual(['kept']);
    }
  });

  test('LSNs that others have seen are not given again', async () => {
    const { fs, wal } = await emptyLog({ minimumLsn: 1000 });
    expect(wal.append(BATCH, 1, bytes('a'))).toBe(1001);
    await wal.close();
    const { wal: again, seen } = await openAndCollect(fs, { minimumLsn: 5000 });
    expect(seen.map(({ lsn }) => lsn)).toEqual([1001]);
    const lsn = again.append(BATCH, 1, bytes('b'));
    expect(lsn).toBe(5001);
    await again.durable(lsn);
    fs.crash();
    expect(await texts(fs)).toEqual(['a', 'b']);
  });

  test('the age of the oldest record without one is known', async () => {
    const clock = new ManualClock(0);
    const { wal } = await emptyLog({ clock });
    expect(wal.oldestUnflushedMs()).toBe(0);
    wal.append(BATCH, 1, bytes('1'));
    clock.advance(5000);
    wal.append(BATCH, 1, bytes('2'));
    clock.advance(2000);
    expect(wal.oldestUnflushedMs()).toBe(7000);
    wal.checkpoint(1);
    expect(wal.oldestUnflushedMs()).toBe(2000);
    wal.checkpoint(2);
    expect(wal.oldestUnflushedMs()).toBe(0);
  });
});

describe('recycling', () => {
  test('a spare segment is overwritten, and what it held never comes back', async () => {
    const { fs, wal } = await emptyLog({ segmentSizeBytes: 1024, spareSegments: 2 });
    // Records of one size, so that old ones lie exactly where new ones would follow.
    const add = (n: number) => wal.append(BATCH, 1, bytes(String(n).padStart(8, '0')));
    let n = 0;
    for (; n < 70; n++) add(n);
    await wal.sync();
    wal.checkpoint(wal.lastLsn - 3);
    expect(listSegments(fs, LOG_DIRECTORY).spares.length).toBe(2);
    for (; n < 130; n++) {
      add(n);
      await wal.sync();
    }
    const checkpoint = wal.checkpointLsn;
    expect(listSegments(fs, LOG_DIRECTORY).spares.length).toBeLessThan(2);
    fs.kill();
    const { seen, report, wal: again } = await openAndCollect(fs);
    expect(report.cut).toBe(null);
    expect(report.losses).toEqual([]);
    const numbers = seen.map(({ payload }) => Number(payload));
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => 130 - numbers.length + i));
    expect(seen[0].lsn).toBeGreaterThan(checkpoint);
    await again.close();
    expect(listSegments(fs, LOG_DIRECTORY).spares).toEqual([]);
  });
});

describe('the archive', () => {
  const archive = '/data/archive';

  test('gets every closed segment before it is removed', async () => {
    const { fs, wal } = await emptyLog({ segmentSizeBytes: 300, archiveDirectory: archive, spareSegments: 1 });
    for (let i = 1; i <= 20; i++) wal.append(BATCH, 1, bytes(`${i}`));
    await wal.sync();
    await wal.archived();
    wal.checkpoint(20);
    wal.append(BATCH, 1, bytes('21'));
    await wal.close();
    // The archive and the rest of the log together are the whole log.
    const whole = new MemoryFileSystem();
    whole.makeDirectory(LOG_DIRECTORY);
    for (const directory of [LOG_DIRECTORY, archive]) {
      for (const name of fs.list(directory).filter((name) => name.endsWith('.wal'))) {
        const file = whole.create(`${LOG_DIRECTORY}/${name}`);
        file.write(fs.readFile(`${directory}/${name}`));
      }
    }
    expect(await texts(whole)).toEqual(Array.from({ length: 21 }, (_, i) => `${i + 1}`));
  });

  test('that cannot be written keeps the segments, and is tried again', async () => {
    const told: string[] = [];
    const { fs, wal } = await emptyLog({
      segmentSizeBytes: 300,
      archiveDirectory: archive,
      spareSegments: 0,
      onArchiveFailure: (segment, error) => told.push(`${segment} ${error.message}`),
    });
    fs.fail('create', { times: 1000, code: 'EACCES', within: archive });
    for (let i = 1; i <= 20; i++) wal.append(BATCH, 1, bytes(`${i}`));
    await wal.sync();
    await wal.archived();
    const { segments } = wal.stats();
    wal.checkpoint(20);
    expect(wal.stats().segments).toBe(segments);
    expect(wal.stats().archiveFailures).toBeGreaterThan(0);
    expect(told[0]).toMatch(/^0000000000000001\.wal .*EACCES/);
    fs.heal();
    await wal.archived();
    await wal.archived();
    expect(wal.stats().segments).toBe(1);
    expect(fs.list(archive).length).toBe(segments - 1);
  });
});

describe('the crash-loop guard', () => {
  test('stops after five replays that did not end, says so, and lets go when told', async () => {
    const { fs, wal } = await emptyLog();
    wal.append(BATCH, 1, bytes('poison'));
    await wal.close();
    const replay = (recovery: 'strict' | 'skip' = 'strict') =>
      openWal(fs, LOG_DIRECTORY, { recovery }, () => {
        throw new Error('cannot apply the poison');
      });
    for (let i = 0; i < 5; i++) await expect(replay()).rejects.toThrow('cannot apply the poison');
    await expect(replay()).rejects.toThrow(
      'cannot replay the log: the last 5 attempts failed (cannot apply the poison). Remove the cause',
    );
    await expect(replay('skip')).rejects.toThrow('cannot apply the poison');
    fs.remove(`${LOG_DIRECTORY}/REPLAY-ATTEMPTS`);
    expect(await texts(fs)).toEqual(['poison']);
    expect(fs.exists(`${LOG_DIRECTORY}/REPLAY-ATTEMPTS`)).toBe(false);
  });

  test('counts a process that died in the middle', async () => {
    const { fs, wal } = await emptyLog();
    wal.append(BATCH, 1, bytes('poison'));
    await wal.close();
    for (let i = 0; i < 2; i++) {
      void openWal(fs, LOG_DIRECTORY, {}, () => new Promise(() => {}));
      await turn();
      fs.crash();
    }
    await expect(openWal(fs, LOG_DIRECTORY, { maxReplayAttempts: 2 }, () => {})).rejects.toThrow(
      'the process died during each',
    );
  });
});
