/**
 * Every function over random points, by a real influxd and by the kernels alone, equal to the last digit: with and without
 * GROUP BY time, both ways through time, nested in transformations, and the errors for types that a function does not take.
 *
 * VARVE_SEED chooses the seed, VARVE_DIFFERENTIAL_ROUNDS how many data sets are tried.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type InfluxdProcess, startInfluxd } from '../../../tests/influxd-process.ts';
import { havePrograms } from '../../../tests/peers.ts';
import { temporaryDirectory } from '../../../tests/server-process.ts';
import { type Random, seededRandom } from '../../promql/expression-generator.ts';
import type { CallNode, Expression } from '../ast.ts';
import { callOptions } from './arguments.ts';
import { columnWriter } from './column.ts';
import type { FieldKind, Points, ValueColumn, Windows } from './kernel.ts';
import { MATH_KERNELS } from './math.ts';
import { checkInputKind, FUNCTIONS, type FunctionEntry, type StreamEntry, type WindowEntry } from './table.ts';

const SEED = Number(process.env.VARVE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const ROUNDS = Number(process.env.VARVE_DIFFERENTIAL_ROUNDS ?? 5);

type Value = number | bigint | string | boolean;
type Row = readonly [timeNs: bigint, value: Value | null];

const KINDS = ['float', 'integer', 'string', 'boolean'] as const;
type Kind = (typeof KINDS)[number];

interface DataSet {
  readonly measurement: string;
  readonly timesNs: readonly bigint[];
  readonly values: Record<Kind, readonly Value[]>;
}

const LARGEST = 2n ** 63n - 1n;

function randomFloat(random: Random, style: string, previous: number): number {
  switch (style) {
    case 'few':
      return random.below(5) - 2;
    case 'walk':
      return previous + random.next() - 0.5;
    case 'wild':
      return (random.next() - 0.5) * 10 ** (random.below(40) - 20);
    default:
      return random.below(1000) / 8 + 50;
  }
}

function randomInteger(random: Random, style: string): bigint {
  if (style === 'few') return BigInt(random.below(5) - 2);
  if (style === 'wild') return BigInt.asIntN(64, BigInt(Math.floor(random.next() * 2 ** 52)) ** 2n);
  if (style === 'walk') return LARGEST - BigInt(random.below(3));
  return BigInt(random.below(2000) - 300);
}

function randomDataSet(random: Random, round: number): DataSet {
  const count = random.pick([1, 2, 5, 20, 60, 200]) + random.below(6);
  const style = random.pick(['few', 'walk', 'wild', 'plain', 'plain']);
  const stepNs = BigInt(random.pick([1, 1_000, 1_000_000_000, 10_000_000_000, 3_600_000_000_000]));
  let time = BigInt(random.pick([0, -100_000_000, 1_700_000_000])) * 1_000_000_000n + BigInt(random.below(1000));
  const set: DataSet = {
    measurement: `m${round}`,
    timesNs: [],
    values: { float: [], integer: [], string: [], boolean: [] },
  };
  const floats = set.values.float as number[];
  for (let i = 0; i < count; i++) {
    time += stepNs * BigInt(1 + (random.chance(0.3) ? random.below(9) : 0));
    (set.timesNs as bigint[]).push(time);
    floats.push(randomFloat(random, style, floats.at(-1) ?? 0));
    (set.values.integer as bigint[]).push(randomInteger(random, style));
    (set.values.string as string[]).push(random.pick(['a', 'b', 'zz', 'ä', '\u{1f600}', '\uff21']));
    (set.values.boolean as boolean[]).push(random.chance(0.5));
  }
  return set;
}

function lineProtocol({ measurement, timesNs, values }: DataSet): string {
  return timesNs
    .map((time, i) => {
      const fields = `float=${values.float[i]},integer=${values.integer[i]}i`;
      return `${measurement} ${fields},string="${values.string[i]}",boolean=${values.boolean[i]} ${time}`;
    })
    .join('\n');
}

function columnOf(kind: FieldKind, values: readonly Value[]): ValueColumn {
  const out = columnWriter(kind, values.length, false);
  values.forEach((value, i) => {
    if (typeof value === 'string') out.setText(i, value);
    else if (typeof value === 'bigint') out.setBigint(i, value);
    else out.set(i, Number(value));
  });
  return out.finish(values.length);
}

function floorDivide(a: bigint, b: bigint): bigint {
  return (a - (((a % b) + b) % b)) / b;
}

function secOf(ns: bigint): number {
  return Number(floorDivide(ns, 1_000_000_000n));
}

function nanoOf(ns: bigint): number {
  return Number(ns - floorDivide(ns, 1_000_000_000n) * 1_000_000_000n);
}

function pointsOf(kind: FieldKind, rows: readonly Row[]): Points {
  return {
    length: rows.length,
    values: columnOf(
      kind,
      rows.map(([, value]) => value!),
    ),
    sec: Float64Array.from(rows, ([time]) => secOf(time)),
    nano: Float64Array.from(rows, ([time]) => nanoOf(time)),
    weights: null,
  };
}

/** Non-empty windows of rows, in the order of the rows; one for all where there is no interval. */
function windowsOf(
  rows: readonly Row[],
  intervalNs: bigint,
  range: readonly [bigint, bigint],
): { windows: Windows; starts: bigint[] } {
  const lo: number[] = [];
  const hi: number[] = [];
  const starts: bigint[] = [];
  const ends: bigint[] = [];
  rows.forEach(([time], i) => {
    const start = intervalNs === 0n ? range[0] : floorDivide(time, intervalNs) * intervalNs;
    if (starts.length === 0 || starts.at(-1) !== start) {
      lo.push(i);
      hi.push(i);
      starts.push(start);
      ends.push(intervalNs === 0n ? range[1] : start + intervalNs);
    }
    hi[hi.length - 1] = i + 1;
  });
  const bounds = {
    startSec: Float64Array.from(starts, secOf),
    startNano: Float64Array.from(starts, nanoOf),
    endSec: Float64Array.from(ends, secOf),
    endNano: Float64Array.from(ends, nanoOf),
  };
  return { windows: { count: lo.length, lo: Int32Array.from(lo), hi: Int32Array.from(hi), bounds }, starts };
}

function valueAt(column: ValueColumn, index: number): Value | null {
  if (column.kind === 'string') return column.values[index] ?? null;
  if (column.present !== null && column.present[index] === 0) return null;
  if (column.kind === 'boolean') return column.values[index] === 1;
  if (column.kind === 'float') return column.values[index]!;
  return column.wide === null ? BigInt(column.values[index]!) : column.wide[index]!;
}

interface Question {
  readonly call: CallNode;
  readonly intervalNs: bigint;
  readonly ascending: boolean;
  readonly range: readonly [bigint, bigint];
  /** It is read by another function. */
  readonly nested?: boolean;
}

/** What the kernel answers to a call over rows. */
function ownRows(entry: FunctionEntry, kind: FieldKind, rows: readonly Row[], question: Question): Row[] {
  const { intervalNs, ascending, range } = question;
  const points = pointsOf(kind, rows);
  const options = callOptions(question.call, { ascending, intervalNs: Number(intervalNs) });
  const { windows, starts } = windowsOf(rows, intervalNs, range);
  const timeOf = (point: number): bigint => rows[point]![0];
  switch (entry.kind) {
    case 'aggregate':
    case 'selector': {
      const { values, source, counts } = entry.kernel(points, windows, options);
      const own: Row[] = [];
      for (let w = 0; w < windows.count; w++) {
        // influxd ends where a function has no row for a window that has points, at the first or before another such one.
        if (counts[w] === 0) {
          if (question.nested || w === 0 || counts[w + 1] === 0) break;
          continue;
        }
        const pointTime = source === null ? range[0] : timeOf(source[w]!);
        own.push([intervalNs === 0n ? pointTime : starts[w]!, valueAt(values, w)]);
      }
      return own;
    }
    case 'rows': {
      // influxd 1.6 gives the rows of a window oldest first even with ORDER BY time DESC; 1.8 and the kernels do not.
      const { length, values, window, source } = entry.kernel(points, windows, { ...options, ascending: true });
      return Array.from({ length }, (_, i): Row => {
        const time = entry.rowTime === 'point' ? timeOf(source[i]!) : starts[window[i]!]!;
        return [time, valueAt(values, i)];
      });
    }
    case 'stream': {
      const { length, values, sec, nano } = entry.kernel(points, windows, options);
      return Array.from(
        { length },
        (_, i): Row => [BigInt(sec[i]!) * 1_000_000_000n + BigInt(nano[i]!), valueAt(values, i)],
      );
    }
  }
}

function literal(random: Random, entry: FunctionEntry): Expression[] {
  const integer = (value: number): Expression => ({ kind: 'integer', value: BigInt(value) });
  const { name } = entry;
  if (name === 'percentile')
    return [random.pick<Expression>([integer(random.below(102)), { kind: 'number', value: random.next() * 100 }])];
  if (name === 'moving_average') return [integer(2 + random.below(6))];
  if (name.startsWith('holt_winters')) return [integer(1 + random.below(5)), integer(random.pick([0, 1, 2, 4]))];
  if (entry.most === 2 && entry.least === 1) {
    return random.chance(0.5)
      ? []
      : [{ kind: 'duration', value: BigInt(random.pick([1, 1_000, 7_000_000_000, 60_000_000_000])) }];
  }
  if (entry.most >= 3) {
    const hold: Expression[] = random.chance(0.5) ? [integer(random.pick([-1, 1, 2, 5]))] : [];
    const warmups = name.startsWith('chande') ? ['none', 'exponential', 'simple'] : ['exponential', 'simple'];
    if (entry.kind === 'rows') return [integer(1 + random.below(12))];
    const warmup: Expression[] =
      entry.most === 4 && hold.length === 1 && random.chance(0.6)
        ? [{ kind: 'string', value: random.pick(warmups) }]
        : [];
    return [integer(2 + random.below(8)), ...hold, ...warmup];
  }
  return entry.least === 2 ? [integer(1 + random.below(12))] : [];
}

function textOf(expression: Expression): string {
  switch (expression.kind) {
    case 'call':
      return `${expression.name}(${expression.arguments.map(textOf).join(', ')})`;
    case 'variable':
      return `"${expression.name}"`;
    case 'string':
      return `'${expression.value}'`;
    case 'duration':
      return `${expression.value}ns`;
    case 'number':
      return expression.value.toFixed(12);
    case 'integer':
      return String(expression.value);
    default:
      throw new Error(`no text for ${expression.kind}`);
  }
}

describe.skipIf(!havePrograms('influxd'))('kernels beside influxd', () => {
  const directory = temporaryDirectory('influxql-functions');
  const random = seededRandom(SEED);
  const sets: DataSet[] = Array.from({ length: ROUNDS }, (_, round) => randomDataSet(random, round));
  let influxd: InfluxdProcess;

  beforeAll(async () => {
    console.log(`seed ${SEED}`);
    influxd = await startInfluxd(directory.path);
    // One shard for each data set: influxd adds up what it has of each shard, and that has other last digits.
    const create = 'CREATE DATABASE d WITH DURATION INF SHARD DURATION 1000w NAME p';
    await fetch(`${influxd.url}/query?q=${encodeURIComponent(create)}`, { method: 'POST' });
    for (const set of sets) {
      const response = await fetch(`${influxd.url}/write?db=d`, { method: 'POST', body: lineProtocol(set) });
      expect(response.status, await response.text()).toBe(204);
    }
  });

  afterAll(async () => {
    await influxd?.stop();
    directory.remove();
  });

  /** Rows of the one series of an answer, or its error. */
  async function answer(statement: string, kind: FieldKind): Promise<Row[] | string> {
    const response = await fetch(`${influxd.url}/query?db=d&epoch=ns&q=${encodeURIComponent(statement)}`);
    const text = await response.text();
    // Integers stay exact, and so do times: the digits decide, not the nearest double.
    const exact = (_key: string, value: unknown, context: { source?: string }): unknown =>
      typeof value === 'number' && /^-?\d+$/.test(context.source ?? '') ? BigInt(context.source!) : value;
    type Result = { error?: string; series?: { values: [bigint, Value | null][] }[] };
    const [result] = (JSON.parse(text, exact as (key: string, value: unknown) => unknown) as { results: Result[] })
      .results;
    if (result?.error !== undefined) return result.error;
    const rows = result?.series?.[0]?.values ?? [];
    return rows.map(([time, value]) => [time, kind === 'float' && typeof value === 'bigint' ? Number(value) : value]);
  }

  async function compare(statement: string, kind: FieldKind, own: () => readonly Row[] | string): Promise<void> {
    const theirs = await answer(statement, kind);
    // -0 and 0 are one number to JSON.parse; NaN is printed as null.
    const zeroed = (row: Row): Row => (row[1] === 0 ? [row[0], 0] : Number.isNaN(row[1]) ? [row[0], null] : row);
    const mine = own();
    const printable = (rows: readonly Row[] | string) =>
      typeof rows === 'string' ? rows : rows.map((row) => zeroed(row).map(String).join(' '));
    expect(printable(mine), `seed ${SEED}: ${statement}`).toEqual(printable(theirs));
  }

  function rowsOf(set: DataSet, kind: Kind, ascending: boolean): Row[] {
    const rows = set.timesNs.map((time, i): Row => [time, set.values[kind][i]!]);
    return ascending ? rows : rows.reverse();
  }

  /** A statement over one measurement, and what its surroundings say. */
  function ask(set: DataSet, call: CallNode, intervalNs: bigint, ascending: boolean): [string, Question] {
    const from = set.timesNs[0]! - 100n * (intervalNs === 0n ? 1n : intervalNs);
    const to = set.timesNs.at(-1)!;
    const grouping = intervalNs === 0n ? '' : ` GROUP BY time(${intervalNs}ns) fill(none)`;
    const order = ascending ? '' : ' ORDER BY time DESC';
    const where = `time >= ${from} AND time <= ${to}`;
    const statement = `SELECT ${textOf(call)} FROM ${set.measurement} WHERE ${where}${grouping}${order}`;
    return [statement, { call, intervalNs, ascending, range: [from, to + 1n] }];
  }

  function intervalFor(set: DataSet): bigint {
    const span = set.timesNs.at(-1)! - set.timesNs[0]!;
    return span / BigInt(random.pick([2, 5, 13])) + 1n;
  }

  function callOn(name: string, first: Expression, rest: readonly Expression[]): CallNode {
    return { kind: 'call', name, arguments: [first, ...rest] };
  }

  const field = (kind: Kind): Expression => ({ kind: 'variable', name: kind, cast: null });

  for (const entry of FUNCTIONS.values()) {
    // Random by nature; see rows.test.ts.
    if (entry.name === 'sample' || (entry.kind === 'stream' && entry.nests === 'must')) continue;
    it(`${entry.name} over a field`, async () => {
      for (const set of sets) {
        for (const kind of KINDS) {
          const ascending = random.chance(0.7);
          const grouped = random.chance(0.5) && (entry.kind !== 'stream' || entry.name === 'integral');
          const call = callOn(entry.name, field(kind), literal(random, entry));
          const [statement, question] = ask(set, call, grouped ? intervalFor(set) : 0n, ascending);
          const result = entry.result === 'same' ? kind : entry.result;
          await compare(statement, result, () => {
            try {
              checkInputKind(entry, kind, null);
            } catch (error) {
              return (error as Error).message;
            }
            return ownRows(entry, kind, rowsOf(set, kind, ascending), question);
          });
        }
      }
    });
  }

  for (const outer of [...FUNCTIONS.values()].filter((entry): entry is StreamEntry => entry.kind === 'stream')) {
    if (outer.nests === 'never') continue;
    it(`${outer.name} over a call`, async () => {
      const inners = ['count', 'mean', 'first', 'max', 'sum', 'mode', 'spread', 'percentile'];
      for (const set of sets) {
        for (const kind of ['float', 'integer'] as const) {
          // What follows a window without a row depends on how often the search reads its input again.
          const inner = FUNCTIONS.get(random.pick(outer.nests === 'must' ? inners.slice(0, -1) : inners))!;
          const innerCall = callOn(inner.name, field(kind), literal(random, inner));
          const call = callOn(outer.name, innerCall, literal(random, outer));
          const [statement, question] = ask(set, call, intervalFor(set), true);
          const between = inner.result === 'same' ? kind : inner.result;
          const result = outer.result === 'same' ? between : outer.result;
          await compare(statement, result, () => {
            const rows = ownRows(inner as WindowEntry, kind, rowsOf(set, kind, true), {
              ...question,
              call: innerCall,
              nested: true,
            });
            return ownRows(outer, between, rows, question);
          });
        }
      }
    });
  }

  it('math functions', async () => {
    for (const set of sets) {
      for (const [name, kernel] of MATH_KERNELS) {
        for (const kind of ['float', 'integer'] as const) {
          const isBinary = ['atan2', 'pow', 'log'].includes(name);
          const second = random.pick(KINDS.slice(0, 2));
          const inputs = isBinary ? [kind, second] : [kind];
          const own = kernel(
            inputs.map((input) => columnOf(input, set.values[input])),
            set.timesNs.length,
          );
          // Refused; and influxd 1.6 leaves negative integers negative, which 1.8 mended.
          if (kind === 'integer' && ['asin', 'acos', 'abs'].includes(name)) continue;
          // influxd cannot print what is not finite, so such rows are left out.
          const finite = set.timesNs.flatMap((time, i): Row[] => {
            const value = valueAt(own, i);
            return typeof value === 'number' && !Number.isFinite(value) ? [] : [[time, value]];
          });
          if (finite.length === 0) continue;
          for (const row of finite.slice(0, 25)) {
            const expression = textOf(callOn(name, field(kind), isBinary ? [field(second)] : []));
            const statement = `SELECT ${expression} FROM ${set.measurement} WHERE time = ${row[0]}`;
            await compare(statement, own.kind, () => [row]);
          }
        }
      }
    }
  });
});
