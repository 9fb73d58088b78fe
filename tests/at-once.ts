/**
 * A storm: one engine on a real disk with its threads, tiny limits, and everybody at it at once. Writers with series in
 * common, late rows and overwrites; readers on this thread and on query threads; flushes, merges, deletions, dropped
 * partitions, policies and databases; then everything is closed, opened and compared again.
 */
import { rmSync } from 'node:fs';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { Random } from '../bytes/random.ts';
import { nodeFileSystem } from '../disk/node-file-system.ts';
import type { Database } from '../engine/database.ts';
import { examine } from '../engine/doctor.ts';
import { type Engine, openEngine } from '../engine/engine.ts';
import { takeSnapshot } from '../engine/snapshot.ts';
import { MAX_INSTANT, MIN_INSTANT } from '../engine/time.ts';
import { VarveError } from '../errors/errors.ts';
import { parsePrecision } from '../ingest/timestamp.ts';
import { writeLines } from '../ingest/write-lines.ts';
import { open, type Varve } from '../open.ts';
import { evaluateDatabase } from '../query/database-evaluation.ts';
import { EVERYTHING, exportLines } from '../query/export-lines.ts';
import { sharedQueryWorkers } from '../query/workers/pool.ts';
import { sharedEvaluationThreads } from '../server/query-thread.ts';
import { AtOnceModel, columnOf, type Found, type Watch } from './at-once-model.ts';

const HOUR_SEC = 3600;
const PARTITIONS = 3;
const SLOTS = 40;
const NAMES = Array.from({ length: 30 }, (_, n) => `n${n}`);
/** Where rows may be written. A database and a retention policy come and go. */
const PLACES = ['a', 'b', 'b/other', 'comes', 'c/comes'];
const SECONDS = { precision: parsePrecision('s') };
/** What may meet who asks for what is being taken away, or for more than memory holds now, or too late. */
const EXPECTED = new Set(['overloaded', 'canceled', 'not_found', 'shutting_down']);

export class AtOnce {
  private readonly random: Random;
  private readonly dataDir: string;
  private readonly seed: number;
  private varve!: Varve;
  private readonly models = new WeakMap<Database, AtOnceModel>();
  private readonly baseSec = Math.floor(Date.now() / 1000 / HOUR_SEC - PARTITIONS) * HOUR_SEC;
  private nextValue = 1;
  private isOver = false;
  private readonly closesEarly: boolean;
  /** How often each thing was done. */
  readonly counts: Record<string, number> = {};
  private readonly complaints: string[] = [];

  constructor(dataDir: string, seed: number) {
    this.dataDir = dataDir;
    this.seed = seed;
    this.random = new Random(seed);
    this.closesEarly = this.random.chance(0.5);
  }

  private get engine(): Engine {
    return this.varve.engine;
  }

  private async open(): Promise<void> {
    const random = new Random(this.seed);
    this.varve = await open({
      dataDir: this.dataDir,
      reserveBytes: 0,
      partitionDurationSec: HOUR_SEC,
      memtableBytes: (1 + random.below(12)) << 20,
      walSegmentBytes: (64 << random.below(4)) << 10,
      walSync: random.pick(['group', 'group', 'always', 'async', 'none']),
      walArchiveDir: random.chance(0.3) ? `${this.dataDir}/archive` : null,
      flushIntervalMs: random.pick([0, 200]),
      maintenanceIntervalMs: random.pick([0, 20, 200]),
      log: (level, message, fields) => {
        if (level === 'error') this.complaints.push(`${message} ${JSON.stringify(fields ?? {})}`);
      },
    });
  }

  /** Everybody at once for so long, then all is compared, closed, opened, compared, merged and compared. */
  async run(ms: number): Promise<void> {
    await this.open();
    try {
      await this.storm(ms);
      await this.compareAll();
    } finally {
      await this.varve.close();
    }
  }

  private async storm(ms: number): Promise<void> {
    for (const place of ['a', 'b', 'c', 'comes']) this.engine.createDatabase(place);
    this.engine.createRetentionPolicy('b', 'other', {});
    this.engine.createRetentionPolicy('c', 'comes', {});
    const parts: [() => Promise<void>, number, number][] = [
      [() => this.write(), 6, 0],
      [() => this.writeMuch(), 1, 60],
      [() => this.readHere(), 1, 3],
      [() => this.readOnThread(), 2, 10],
      [() => this.countOnThreads(), 1, 10],
      [() => this.select(), 1, 30],
      [() => this.export(), 1, 60],
      [() => this.flush(), 1, 20],
      [() => this.maintain(), 1, 50],
      [() => this.delete(), 2, 30],
      [() => this.dropPartition(), 1, 30],
      [() => this.replaceDatabase(), 1, 50],
      [() => this.replacePolicy(), 1, 50],
      [() => this.alter(), 1, 50],
      [() => this.snapshot(), 1, 700],
    ];
    const loops = parts.flatMap(([part, count, pauseMs]) =>
      Array.from({ length: count }, () => this.repeat(part, pauseMs)),
    );
    let closing: Promise<void> = Promise.resolve();
    const end = setTimeout(() => {
      this.isOver = true;
      // In the midst of all of it, or when everybody has done what he was at.
      if (this.closesEarly) closing = this.varve.close();
    }, ms);
    try {
      await Promise.all(loops);
    } finally {
      clearTimeout(end);
      this.isOver = true;
      await Promise.allSettled(loops);
      await closing;
    }
  }

  private async compareAll(): Promise<void> {
    if (!this.closesEarly) this.checkAll(this.engine, 'at the end');
    const byName = new Map(this.engine.allDatabases().map((database) => [database.name, this.modelOf(database)]));
    await this.reopen(byName, 'after closing');
    this.checkAll(this.engine, 'after closing');
    await this.engine.maintenance.run(true);
    this.checkAll(this.engine, 'after merging');
    await this.varve.close();
    const { findings } = examine(nodeFileSystem, this.dataDir, { repair: false });
    if (findings.length > 0) throw new Error(`the doctor finds ${JSON.stringify(findings)}`);
    if (this.complaints.length > 0) throw new Error(`the log complains: ${this.complaints.join('; ')}`);
  }

  private async reopen(byName: ReadonlyMap<string, AtOnceModel>, when: string): Promise<void> {
    await this.varve.close();
    await this.open();
    const databases = this.engine.allDatabases();
    if (databases.length !== byName.size) throw new Error(`${when}: ${databases.length} databases, not ${byName.size}`);
    for (const database of databases) this.models.set(database, byName.get(database.name)!);
  }

  private async repeat(part: () => Promise<void>, pauseMs: number): Promise<void> {
    while (!this.isOver) {
      try {
        await part();
      } catch (error) {
        if (!(error instanceof VarveError && EXPECTED.has(error.code))) {
          this.isOver = true;
          throw error;
        }
        this.count(error.code);
        await sleep(2);
      }
      if (pauseMs > 0) await sleep(this.random.below(pauseMs * 2));
      else if (this.random.chance(0.2)) await turn();
    }
  }

  private count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  private modelOf(database: Database): AtOnceModel {
    let model = this.models.get(database);
    if (model === undefined) {
      model = new AtOnceModel();
      this.models.set(database, model);
    }
    return model;
  }

  /** A place that exists now, with its rows. */
  private somewhere(): { place: string; database: Database; model: AtOnceModel } {
    for (;;) {
      const place = this.random.pick(PLACES);
      const database = this.engine.database(place);
      if (database !== undefined) return { place, database, model: this.modelOf(database) };
    }
  }

  private randomSec(): number {
    return this.baseSec + this.random.below(PARTITIONS) * HOUR_SEC + this.random.below(SLOTS) * 7;
  }

  /** Some rows, acknowledged at the end. */
  private async write(): Promise<void> {
    await this.engine.admit();
    const place = this.random.pick(PLACES);
    const names = Array.from({ length: 1 + this.random.below(4) }, () => this.random.pick(NAMES));
    const rows: [string, string, number, number][] = [];
    const lines: string[] = [];
    for (let n = 1 + this.random.below(300); n > 0; n--) {
      const [name, sec, value] = [this.random.pick(names), this.randomSec(), this.nextValue++];
      const hasText = this.random.chance(0.2);
      lines.push(`m,w=${name} f=${value}.5${hasText ? `,s="t${value}"` : ''} ${sec}`);
      rows.push([name, 'f', sec, value + 0.5]);
      if (hasText) rows.push([name, 's', sec, value]);
    }
    const { counters } = this.engine;
    const before = counters.rows;
    const writing = writeLines(this.engine, place, new TextEncoder().encode(lines.join('\n')), SECONDS);
    // It has parsed and committed by now, unless it could not.
    if (counters.rows > before) {
      const model = this.modelOf(this.engine.database(place)!);
      for (const [name, field, sec, value] of rows) model.write(name, field, sec, value);
    }
    const { rejected } = await writing;
    if (rejected > 0) throw new Error(`${rejected} lines of ${place} were rejected`);
    this.count('write');
  }

  /** A body of several slices, with turns of others between them. Its rows are known of when it ends. */
  private async writeMuch(): Promise<void> {
    await this.engine.admit();
    const { place, database, model } = this.somewhere();
    const name = `large${this.nextValue++}`;
    const rows = 1100;
    const filling = 'x'.repeat(1200);
    const sec = (n: number) => this.baseSec - 10 * HOUR_SEC + n;
    const lines = Array.from({ length: rows }, (_, n) => `m,w=${name} f=${n}.5,x="${filling}" ${sec(n)}`);
    await writeLines(this.engine, place, new TextEncoder().encode(lines.join('\n')), SECONDS);
    for (let n = 0; n < rows; n++) model.write(name, 'f', sec(n), n + 0.5);
    if (this.engine.holds(database)) {
      const refs = () => database.index.select('m', [{ key: 'w', op: '=', value: name }]);
      this.checkColumn(database, model, model.watch([columnOf(name, 'f')]), name, 'f', 'a large body');
      const deletion = model.beginDeletion((series) => series === name);
      await this.engine.deleteRows(database, refs, MIN_INSTANT, MAX_INSTANT);
      model.endDeletion(deletion);
    }
    this.count('large body');
  }

  /** All in one turn, so exact. */
  private async readHere(): Promise<void> {
    const { database, model } = this.somewhere();
    const name = this.random.pick(NAMES);
    for (const field of ['f', 's']) {
      this.checkColumn(database, model, model.watch([columnOf(name, field)]), name, field, 'read here');
    }
    this.count('read here');
  }

  private checkColumn(
    database: Database,
    model: AtOnceModel,
    watch: Watch,
    name: string,
    field: string,
    when: string,
  ): void {
    model.check(`${when}, ${database.name}`, watch, columnOf(name, field), readColumn(database, name, field));
  }

  private checkAll(engine: Engine, when: string): void {
    for (const database of engine.allDatabases()) {
      const model = this.modelOf(database);
      const watch = model.watch(null);
      for (const column of model.columnNames()) {
        const [name, field] = column.split('|');
        this.checkColumn(database, model, watch, name, field, when);
      }
    }
  }

  private async evaluate(database: Database, query: string, signal: { aborted: boolean } | null): Promise<Matrix> {
    const endMs = (this.baseSec + PARTITIONS * HOUR_SEC) * 1000;
    const done = await evaluateDatabase(database, {
      query,
      times: { startMs: endMs, endMs, stepMs: 0 },
      options: { signal },
      storage: { workers: sharedQueryWorkers(), spreadSamples: 0, signal },
      threads: sharedEvaluationThreads(),
      threadValues: 0,
      format: { timeMs: endMs, limit: 0, encoding: 'json' },
    });
    if ('result' in done) throw new Error('it did not go to a thread');
    const { data } = done.answer as { data: Uint8Array };
    return JSON.parse(new TextDecoder().decode(data)) as Matrix;
  }

  /** Raw samples of one series or all, by a thread of its own. */
  private async readOnThread(): Promise<void> {
    const { database, model } = this.somewhere();
    const names = this.random.chance(0.3) ? NAMES : [this.random.pick(NAMES)];
    const selector = names === NAMES ? 'm_f{w=~"n.*"}' : `m_f{w="${names[0]}"}`;
    const watch = model.watch(names.map((name) => columnOf(name, 'f')));
    const signal = { aborted: false };
    const timer = this.random.chance(0.1) ? setTimeout(() => (signal.aborted = true), this.random.below(8)) : undefined;
    const { result } = await this.evaluate(database, `${selector}[${PARTITIONS + 1}h]`, signal).finally(() =>
      clearTimeout(timer),
    );
    // One that is dropped meanwhile is empty from then on.
    if (!this.engine.holds(database)) return;
    const found = new Map<string, Found>();
    for (const { metric, values } of result) {
      if (found.has(metric.w)) throw new Error(`series ${metric.w} comes twice`);
      found.set(metric.w, mapOf(values!.map(([sec, text]) => [sec, Number(text)])));
    }
    for (const name of names) {
      const column = columnOf(name, 'f');
      model.check(`read on a thread, ${database.name}`, watch, column, found.get(name) ?? new Map());
    }
    this.count('read on a thread');
  }

  /** Window functions over all series, spread over threads. */
  private async countOnThreads(): Promise<void> {
    const { database, model } = this.somewhere();
    const func = this.random.pick(['count_over_time', 'sum_over_time'] as const);
    const watch = model.watch(NAMES.map((name) => columnOf(name, 'f')));
    const { result } = await this.evaluate(database, `${func}(m_f{w=~"n.*"}[${PARTITIONS + 1}h])`, null);
    if (!this.engine.holds(database)) return;
    const found = new Map(result.map(({ metric, value }) => [metric.w, Number(value![1])]));
    for (const name of NAMES) {
      const { least, most, sum } = model.bounds(watch, columnOf(name, 'f'));
      const value = found.get(name) ?? 0;
      const isRight = func === 'sum_over_time' ? sum === null || sum === value : value >= least && value <= most;
      if (!isRight)
        throw new Error(`${func} of ${name} in ${database.name} is ${value}, not ${least} to ${most}, ${sum}`);
    }
    this.count('count on threads');
  }

  /** The same in InfluxQL, in turns on this thread. */
  private async select(): Promise<void> {
    const { place, database, model } = this.somewhere();
    const watch = model.watch(NAMES.map((name) => columnOf(name, 'f')));
    const [{ series }] = await this.varve.influxql('SELECT f FROM m WHERE w =~ /^n/ GROUP BY w', { db: place });
    if (this.engine.database(place) !== database) return;
    const found = new Map<string, Found>();
    for (const { tags, rows } of series) {
      found.set(tags.w, mapOf(rows.map(([time, value]) => [Number((time as bigint) / 1_000_000_000n), Number(value)])));
    }
    for (const name of NAMES) {
      const column = columnOf(name, 'f');
      model.check(`SELECT, ${database.name}`, watch, column, found.get(name) ?? new Map());
    }
    this.count('SELECT');
  }

  private async export(): Promise<void> {
    const { database, model } = this.somewhere();
    const watch = model.watch(NAMES.map((name) => columnOf(name, 'f')));
    let text = '';
    for (const piece of exportLines(database, null, EVERYTHING)) {
      text += new TextDecoder().decode(piece);
      await turn();
    }
    if (!this.engine.holds(database)) return;
    const found = new Map<string, Found>();
    for (const [, name, value, time] of text.matchAll(/^m,w=(n\d+) f=([\d.]+)\S* (\d+)$/gm)) {
      const sec = Number(time.slice(0, -9));
      const column = found.get(name) ?? new Map();
      if (column.has(sec)) throw new Error(`the export has ${name} at ${sec} twice`);
      found.set(name, column.set(sec, Number(value)));
    }
    for (const name of NAMES) {
      const column = columnOf(name, 'f');
      model.check(`export, ${database.name}`, watch, column, found.get(name) ?? new Map());
    }
    this.count('export');
  }

  private async flush(): Promise<void> {
    await Promise.all(Array.from({ length: 1 + this.random.below(3) }, () => this.engine.flush()));
    this.count('flush');
  }

  private async maintain(): Promise<void> {
    await this.engine.maintenance.run(this.random.chance(0.5));
    this.count('maintain');
  }

  private async delete(): Promise<void> {
    const { place, database, model } = this.somewhere();
    const names = new Set(Array.from({ length: 1 + this.random.below(3) }, () => this.random.pick(NAMES)));
    const isAll = this.random.chance(0.4);
    const [first, last] = isAll ? [-Infinity, Infinity] : [this.randomSec(), this.randomSec()].sort((a, b) => a - b);
    const covers = (series: string, sec: number) => names.has(series) && sec >= first && sec <= last;
    const alternatives = [...names].join('|');
    const [owner] = place.split('/');
    const isStatement = (owner === 'a' || owner === 'b') && this.random.chance(0.5);
    const deletion = model.beginDeletion(covers);
    if (isStatement) {
      const times = isAll ? '' : ` AND time >= ${first}s AND time <= ${last}s`;
      // Over all policies of the database, so the others' models have to know.
      const others = ['b', 'b/other']
        .map((each) => this.engine.database(each)!)
        .filter((other) => owner === 'b' && other !== database)
        .map((each) => ({ other: this.modelOf(each), begun: this.modelOf(each).beginDeletion(covers) }));
      await this.varve.influxql(`DELETE FROM m WHERE w =~ /^(?:${alternatives})$/${times}`, { db: owner });
      for (const { other, begun } of others) other.endDeletion(begun);
    } else {
      const select = () => database.index.select('m', [{ key: 'w', op: '=~', value: alternatives }]);
      const from = isAll ? MIN_INSTANT : { sec: first, nano: 0 };
      const to = isAll ? MAX_INSTANT : { sec: last, nano: 0 };
      await this.engine.deleteRows(database, select, from, to);
    }
    model.endDeletion(deletion);
    this.count('delete');
  }

  private async dropPartition(): Promise<void> {
    const { database, model } = this.somewhere();
    const startSec = this.baseSec + this.random.below(PARTITIONS) * HOUR_SEC;
    const deletion = model.beginDeletion((_, sec) => sec >= startSec && sec < startSec + HOUR_SEC);
    await this.engine.dropPartition(database, startSec);
    model.endDeletion(deletion);
    this.count('drop partition');
  }

  private async replaceDatabase(): Promise<void> {
    if (this.engine.hasDatabase('comes')) await this.engine.dropDatabase('comes');
    if (this.random.chance(0.5)) await sleep(this.random.below(10));
    this.engine.createDatabase('comes');
    this.count('replace database');
  }

  private async replacePolicy(): Promise<void> {
    await this.engine.dropRetentionPolicy('c', 'comes');
    if (this.random.chance(0.5)) await sleep(this.random.below(10));
    this.engine.createRetentionPolicy('c', 'comes', {});
    this.count('replace policy');
  }

  private async alter(): Promise<void> {
    const retentionMs = this.random.pick([0, 20 * 365 * 86_400_000]);
    this.engine.alterDatabase(this.random.pick(['a', 'b']), { retentionMs });
    this.count('alter');
  }

  /** A copy that another engine opens, and that holds what was there at some moment of its making. */
  private async snapshot(): Promise<void> {
    const databases = this.engine.allDatabases().map((database) => ({ database, model: this.modelOf(database) }));
    const watches = databases.map(({ model }) => model.watch(null));
    const name = await takeSnapshot(this.engine);
    const path = `${this.dataDir}/snapshots/${name}`;
    // In the turn in which it was taken: what comes later is not in it.
    const checks = databases.map(({ database, model }, i) => {
      const columns = model.columnNames();
      return (copy: Database | undefined) => {
        if (!this.engine.holds(database) && copy === undefined) return;
        for (const column of columns) {
          const [series, field] = column.split('|');
          const found = copy === undefined ? new Map() : readColumn(copy, series, field);
          model.check(`snapshot of ${database.name}`, watches[i], column, found);
        }
      };
    });
    const copy = await openEngine({ dataDir: path, reserveBytes: 0, flushIntervalMs: 0, maintenanceIntervalMs: 0 });
    try {
      for (const [i, { database }] of databases.entries()) {
        const same = copy.allDatabases().find(({ id }) => id === database.id);
        if (same !== undefined) checks[i](same);
        else if (this.engine.holds(database)) throw new Error(`a snapshot lacks ${database.name}`);
      }
    } finally {
      await copy.close();
      rmSync(path, { recursive: true, force: true });
    }
    this.count('snapshot');
  }
}

interface Matrix {
  result: { metric: Record<string, string>; values?: [number, string][]; value?: [number, string] }[];
}

/** Throws when a second comes twice. */
function mapOf(pairs: readonly (readonly [number, number])[]): Found {
  const found: Found = new Map(pairs);
  if (found.size !== pairs.length) throw new Error('a row comes twice');
  return found;
}

/** A column as it is in this turn. */
function readColumn(database: Database, name: string, field: string): Found {
  const found: Found = new Map();
  let last = -Infinity;
  const reader = database.reader(MIN_INSTANT, MAX_INSTANT);
  for (const ref of database.index.select('m', [{ key: 'w', op: '=', value: name }])) {
    for (const { startSec, slice } of reader.read(ref, [field])) {
      const [column] = slice.columns;
      for (let r = 0; r < slice.rows; r++) {
        const sec = startSec + slice.times[r] / 1e9;
        if (sec <= last) throw new Error(`${name} has ${sec} behind ${last}`);
        last = sec;
        const { stringBytes, stringOffsets } = column;
        const text = stringOffsets && stringBytes!.subarray(stringOffsets[r] + 1, stringOffsets[r + 1]);
        found.set(sec, text ? Number(new TextDecoder().decode(text)) : column.values[r]);
      }
    }
  }
  return found;
}
