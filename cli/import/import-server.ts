/**
 * Imports what a running InfluxDB 1.x holds.
 *
 * 1. Databases and their retention policies are made as they are there, defaults and durations included.
 * 2. Each shard of each policy, oldest first, is read measurement by measurement: one SELECT of all fields, grouped by
 *    all tags. That is a piece of work, noted as done when its rows are durable.
 * 3. Rows become lines as they arrive, and two writes are under way at most, so memory stays small.
 */
import { describeConflicts, fieldNames, fieldTypes } from './field-targets.ts';
import type { ImportState } from './import-state.ts';
import type { FieldNames, InfluxServer } from './influx-server.ts';
import { LineWriter } from './line-writer.ts';
import type { Progress } from './progress.ts';
import type { ImportTarget } from './varve-target.ts';

/** Bytes of one write. */
const WRITE_BYTES = 4 << 20;

/** The times that InfluxDB can hold. */
const MIN_TIME = -9223372036854775806n;
const MAX_TIME = 9223372036854775806n;

export interface ImportSummary {
  lines: number;
  bytes: number;
  /** What the target said of lines that it refused. */
  readonly refusals: string[];
}

interface Piece {
  readonly key: string;
  readonly database: string;
  readonly policy: string;
  readonly measurement: string;
  readonly names: FieldNames;
  /** Series of the measurement, for the progress; 0: not known. */
  readonly series: number;
  readonly from: bigint;
  /** Exclusive. */
  readonly to: bigint;
}

/** @param databases only these; all but InfluxDB's own when empty. */
export async function importServer(
  source: InfluxServer,
  target: ImportTarget,
  databases: readonly string[],
  state: ImportState,
  progress: Progress,
): Promise<ImportSummary> {
  const summary: ImportSummary = { lines: 0, bytes: 0, refusals: [] };
  const pieces: Piece[] = [];
  for (const database of await chooseDatabases(source, databases)) {
    await makePolicies(source, target, database);
    pieces.push(...(await piecesOf(source, database, progress)));
  }
  pieces.sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  for (let i = 0; i < pieces.length; i++) {
    const piece = pieces[i];
    if (state.isDone(piece.key)) continue;
    const what = `${piece.database}.${piece.policy}.${piece.measurement} from ${dayOf(piece.from)}`;
    await importPiece(source, target, piece, summary, (fraction) =>
      progress.show((i + fraction) / pieces.length, summary.bytes, what),
    );
    state.done(piece.key);
  }
  return summary;
}

async function chooseDatabases(source: InfluxServer, wanted: readonly string[]): Promise<string[]> {
  const there = (await source.query('SHOW DATABASES')).flatMap(({ rows }) => rows.map(([name]) => String(name)));
  const missing = wanted.find((name) => !there.includes(name));
  if (missing !== undefined) throw new Error(`${source.shownUrl} has no database '${missing}'`);
  return wanted.length > 0 ? [...wanted] : there.filter((name) => name !== '_internal');
}

async function makePolicies(source: InfluxServer, target: ImportTarget, database: string): Promise<void> {
  const [table] = await source.query(`SHOW RETENTION POLICIES ON ${quoted(database)}`);
  const policies = (table?.rows ?? []).map((row) => {
    const value = (column: string) => row[table.columns.indexOf(column)];
    const name = quoted(String(value('name')));
    const durations = `DURATION ${influxDuration(value('duration'))} REPLICATION 1`;
    const shard = value('shardGroupDuration');
    const sharded = shard === undefined ? durations : `${durations} SHARD DURATION ${influxDuration(shard)}`;
    return { name, terms: sharded, isDefault: value('default') === true };
  });
  const there = quoted(database);
  if (policies.length === 0) {
    await target.execute(`CREATE DATABASE ${there}`);
    return;
  }
  const isNew = !(await has(target, database));
  for (const [i, { name, terms, isDefault }] of policies.entries()) {
    // A new database is made with its first policy, so that the policies are the same in the same order.
    if (i === 0 && isNew) await target.execute(`CREATE DATABASE ${there} WITH ${terms} NAME ${name}`);
    else {
      const ending = `ON ${there} ${terms}${isDefault ? ' DEFAULT' : ''}`;
      await target.execute(`CREATE RETENTION POLICY ${name} ${ending}`).catch(async (error: Error) => {
        if (!error.message.includes('already exists')) throw error;
        await target.execute(`ALTER RETENTION POLICY ${name} ${ending}`);
      });
    }
  }
}

async function has(target: ImportTarget, database: string): Promise<boolean> {
  try {
    await target.execute(`SHOW RETENTION POLICIES ON ${quoted(database)}`);
    return true;
  } catch (error) {
    if ((error as Error).message.includes('database not found')) return false;
    throw error;
  }
}

async function piecesOf(source: InfluxServer, database: string, progress: Progress): Promise<Piece[]> {
  const policies = (await source.query(`SHOW RETENTION POLICIES ON ${quoted(database)}`)).flatMap(({ rows }) =>
    rows.map(([name]) => String(name)),
  );
  const shards = await shardsOf(source, database, policies);
  const seriesOf = await seriesCounts(source, database);
  const pieces: Piece[] = [];
  for (const policy of policies) {
    // Without a source, the fields of the default policy alone would be listed.
    const tables = await source.query(`SHOW FIELD KEYS ON ${quoted(database)} FROM ${quoted(policy)}./.*/`);
    const measurements = new Map<string, FieldNames>();
    for (const [measurement, fields] of fieldTypes(tables)) {
      measurements.set(measurement, fieldNames(fields));
      for (const line of describeConflicts(`${database}.${policy}.${measurement}`, fields)) progress.say(line);
    }
    for (const { from, to } of shards.filter((shard) => shard.policy === policy)) {
      for (const [measurement, names] of measurements) {
        const key = JSON.stringify([database, policy, String(from), String(to), measurement]);
        const series = seriesOf.get(measurement) ?? 0;
        pieces.push({ key, database, policy, measurement, names, series, from, to });
      }
    }
  }
  return pieces;
}

/** How many series measurements have; nothing where the server is too old to say. */
async function seriesCounts(source: InfluxServer, database: string): Promise<Map<string, number>> {
  const tables = await source.query(`SHOW SERIES EXACT CARDINALITY ON ${quoted(database)}`).catch(() => []);
  return new Map(tables.map(({ name, rows }) => [name, Number(rows[0]?.[0] ?? 0)]));
}

interface ShardRange {
  readonly policy: string;
  readonly from: bigint;
  readonly to: bigint;
}

/** The time ranges of a database's shards. Who may not list shards reads each policy in one. */
async function shardsOf(source: InfluxServer, database: string, policies: readonly string[]): Promise<ShardRange[]> {
  const everything = policies.map((policy) => ({ policy, from: MIN_TIME, to: MAX_TIME + 1n }));
  const tables = await source.query('SHOW SHARDS').catch((error: Error) => {
    if (/authoriz|privilege/.test(error.message)) return null;
    throw error;
  });
  if (tables === null) return everything;
  const ranges = new Map<string, ShardRange>();
  for (const { columns, rows } of tables.filter(({ name }) => name === database)) {
    const column = (name: string) => columns.indexOf(name);
    for (const row of rows) {
      const policy = String(row[column('retention_policy')]);
      const from = instantNs(String(row[column('start_time')]));
      const to = instantNs(String(row[column('end_time')]));
      // The last shard ends with the last time there is, shown without its fraction.
      const end = to >= MAX_TIME - (MAX_TIME % 1_000_000_000n) ? MAX_TIME + 1n : to;
      ranges.set(`${policy}\n${from}`, { policy, from: from < MIN_TIME ? MIN_TIME : from, to: end });
    }
  }
  return [...ranges.values()];
}

async function importPiece(
  source: InfluxServer,
  target: ImportTarget,
  piece: Piece,
  summary: ImportSummary,
  show: (fraction: number) => void,
): Promise<void> {
  const { database, policy, measurement, names, series, from, to } = piece;
  const place = `${quoted(database)}.${quoted(policy)}.${quoted(measurement)}`;
  const select = `SELECT *::field FROM ${place} WHERE time >= ${from} AND time <= ${to - 1n} GROUP BY *`;
  const lines = new LineWriter(WRITE_BYTES + (1 << 20));
  let underWay: Promise<void> = Promise.resolve();
  let fraction = 0;
  const send = async () => {
    const count = lines.lines;
    const body = lines.take();
    await underWay;
    underWay = target.write(database, policy, body).then((refusal) => {
      summary.bytes += body.length;
      summary.lines += count;
      if (refusal !== '') summary.refusals.push(`${place}: ${refusal}`);
      show(fraction);
    });
    // It is waited for later; until then nobody else must be told that it failed.
    underWay.catch(() => {});
  };
  show(fraction);
  for await (const ended of source.readLines(select, database, names, lines)) {
    fraction = series === 0 ? 0 : Math.min(1, ended / series);
    if (lines.size >= WRITE_BYTES) await send();
  }
  if (lines.size > 0) await send();
  await underWay;
}

/** A name as an identifier of InfluxQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

/** Units of durations as they are shown, in ns. */
const UNITS_NS = new Map([
  ['h', 3_600_000_000_000n],
  ['m', 60_000_000_000n],
  ['s', 1_000_000_000n],
  ['ms', 1_000_000n],
  ['µs', 1000n],
  ['ns', 1n],
]);

/** A duration as it is shown (`168h0m0s`, `1.5s`) as InfluxQL takes it; 0 is for ever. */
function influxDuration(value: unknown): string {
  let total = 0n;
  for (const [, whole, fraction = '', unit] of String(value).matchAll(/(\d+)(?:\.(\d+))?([a-zµ]+)/g)) {
    const unitNs = UNITS_NS.get(unit) ?? 1n;
    total += BigInt(whole) * unitNs + (BigInt(fraction || '0') * unitNs) / 10n ** BigInt(fraction.length);
  }
  if (total === 0n) return 'INF';
  const [unit, unitNs] = [...UNITS_NS].find(([, ns]) => total % ns === 0n)!;
  return `${total / unitNs}${unit === 'µs' ? 'u' : unit}`;
}

/** ns since the epoch of a time as RFC 3339. */
function instantNs(text: string): bigint {
  const [, seconds, fraction = ''] = /^(.*?)(?:\.(\d+))?Z$/.exec(text) ?? ['', text];
  const ms = Date.parse(`${seconds}Z`);
  if (Number.isNaN(ms)) throw new Error(`cannot read the time '${text}'`);
  return BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

function dayOf(ns: bigint): string {
  return new Date(Number(ns / 1_000_000n)).toISOString().slice(0, 10);
}
