/**
 * The short ways against the general one. Windows: the same statement with a time zone, which the short way leaves alone, has
 * the same answer. Filters: so has one that says each comparison twice, joined by OR. Random rows in files and in memory, over
 * partitions, in and out of order.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../../bytes/random.ts';
import { ManualClock } from '../../../clock/clock.ts';
import { MemoryFileSystem } from '../../../disk/memory-file-system.ts';
import { type Engine, openEngine } from '../../../engine/engine.ts';
import { writeLines } from '../../../ingest/write-lines.ts';
import type { SelectStatement } from '../ast.ts';
import { parseStatements } from '../parser/parser.ts';
import type { ResultColumn } from '../result.ts';
import { newStatementContext } from '../statement-context.ts';
import { NO_SELECT_LIMITS } from './context.ts';
import { executeSelect } from './select.ts';

const START_SEC = 1_600_000_000;
const SPAN_SEC = 3 * 86_400;
const NOW_SEC = START_SEC + SPAN_SEC + 5_000;
const STATEMENTS = 60;
const seed = Number(process.env.VARVE_SEED ?? 20_260_101);

let engine: Engine;

/** Rows of some hosts: steady ones, with gaps, in reverse, twice. */
function linesOf(random: Random): string {
  const lines: string[] = [];
  const row = (host: string, sec: number, nano: number): void => {
    const fields = [`f=${random.below(1000) / 8}`, `i=${random.below(200) - 100}i`];
    if (host === 'gaps' && random.below(3) === 0) fields.shift();
    if (random.below(50) === 0) fields.push(`late=${random.below(9)}i`);
    lines.push(
      `m,host=${host},half=${host < 'd' ? 'first' : 'second'} ${fields.join(',')} ${sec}${String(nano).padStart(9, '0')}`,
    );
  };
  for (const host of ['a', 'b', 'steady', 'gaps']) {
    for (let sec = 0; sec < SPAN_SEC; sec += host === 'steady' ? 120 : 1 + random.below(1200)) {
      row(host, START_SEC + sec, host === 'b' ? random.below(1e9) : 0);
    }
  }
  // So many that they do not share row groups with others.
  for (let sec = 0; sec < 86_400; sec += 20) row('often', START_SEC + sec, 0);
  for (let sec = SPAN_SEC - 1; sec > 0; sec -= 1 + random.below(3000)) row('reverse', START_SEC + sec, 0);
  return lines.join('\n');
}

beforeAll(async () => {
  const clock = new ManualClock(NOW_SEC * 1000);
  engine = await openEngine({ dataDir: '/data', fs: new MemoryFileSystem(), clock, inline: true });
  const random = new Random(seed);
  await writeLines(engine, 'db', Buffer.from(linesOf(random)));
  await engine.flush();
  // A second file of the first day has other values at some times.
  const again = linesOf(random)
    .split('\n')
    .filter((line) => line.includes('host=often') && line.includes('f=1'));
  await writeLines(engine, 'db', Buffer.from(again.slice(0, 300).join('\n')));
  await engine.flush();
  // Some series have rows in memory, too, some of them older than what is in files.
  const later = linesOf(random)
    .split('\n')
    .filter((line) => line.includes('host=a') && random.below(4) === 0);
  await writeLines(engine, 'db', Buffer.from(later.join('\n')));
});

afterAll(async () => {
  await engine.close();
});

function cell(column: ResultColumn, row: number): unknown {
  if (column.kind === 'time') return [column.sec[row], column.nano[row]];
  if (column.kind === 'string' || column.kind === 'mixed') return column.values[row];
  return column.present !== null && column.present[row] === 0 ? null : column.values[row];
}

/** All rows of an answer, chunks joined. */
async function answerOf(text: string): Promise<unknown[]> {
  const context = newStatementContext({
    engine,
    database: 'db',
    retentionPolicy: '',
    nowNs: BigInt(NOW_SEC) * 1_000_000_000n,
    signal: null,
    limits: NO_SELECT_LIMITS,
    workers: null,
    chunkRows: 10_000,
    queries: { list: () => [], kill: () => false },
    assumedDatabase: null,
  });
  const [statement] = parseStatements(text) as SelectStatement[];
  const rows: unknown[] = [];
  for await (const { name, tags, columns, values, rows: count } of executeSelect(statement, context).series) {
    for (let row = 0; row < count; row++) {
      rows.push({ name, tags, columns, row: values.map((column) => cell(column, row)) });
    }
  }
  return rows;
}

const FUNCTIONS = ['count', 'sum', 'mean', 'min', 'max', 'first', 'last'];
const INTERVALS = ['7s', '13m', '1h', '5h', '1d', '1d, 3h', '1500ms'];
const FILLS = ['', 'fill(none)', 'fill(null)', 'fill(-3)', 'fill(2.5)'];

function statementOf(random: Random): string {
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)];
  const calls = Array.from(
    { length: 1 + random.below(4) },
    () => `${pick(FUNCTIONS)}(${pick(['f', 'i', 'i', 'late'])})`,
  );
  const from = START_SEC - 3_000 + random.below(SPAN_SEC);
  const conditions: string[] = [];
  const interval = pick(INTERVALS);
  // Small windows over all of the time would only cost time.
  const isNarrow = interval === '7s' || interval === '1500ms';
  if (isNarrow || random.below(3) > 0) conditions.push(`time >= ${from}s`);
  if (isNarrow || random.below(2) === 0) {
    conditions.push(`time < ${from + (isNarrow ? 4_000 : 1 + random.below(SPAN_SEC))}s`);
  }
  if (random.below(3) === 0) conditions.push(pick([`host = 'a'`, `host != 'b'`, `(host = 'gaps' OR host = 'steady')`]));
  const groups = pick([[], ['host'], ['half'], ['host', 'half']]);
  const dimensions = random.below(5) === 0 ? groups : [`time(${interval})`, ...groups];
  const fill = dimensions.length > groups.length ? pick(FILLS) : '';
  return [
    `SELECT ${calls.join(', ')} FROM m`,
    conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '',
    dimensions.length > 0 ? `GROUP BY ${dimensions.join(', ')}` : '',
    fill,
    random.below(4) === 0 ? 'ORDER BY time DESC' : '',
    random.below(4) === 0 ? `LIMIT ${1 + random.below(20)}` : '',
    random.below(6) === 0 ? `OFFSET ${random.below(5)}` : '',
  ]
    .filter((part) => part !== '')
    .join(' ');
}

const COMPARISONS = [
  'f > 60',
  'f <= 12.5',
  'f = 50',
  '90 < f',
  'i >= -20',
  'i < 3',
  'i = 7',
  'f > -1',
  'late > 4',
  'i > 500',
];

/** A statement about some rows, and the same with a filter that only the general way knows. */
function filteredOf(random: Random): [text: string, general: string] {
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)];
  const fields = pick([
    '*',
    'f, i',
    'host, f',
    'i',
    'late, i',
    'f + i',
    'max(f)',
    'first(i), host',
    'percentile(f, 50)',
  ]);
  const from = START_SEC + random.below(SPAN_SEC / 2);
  const others: string[] =
    random.below(3) === 0 ? [] : [`time >= ${from}s`, `time < ${from + 1 + random.below(80_000)}s`];
  if (random.below(2) === 0) others.push(pick([`host = 'often'`, `host != 'a'`, `(host = 'gaps' OR host = 'often')`]));
  const comparisons = Array.from({ length: 1 + random.below(2) }, () => pick(COMPARISONS));
  const rest = [
    random.below(3) === 0 ? 'GROUP BY host' : '',
    random.below(4) === 0 ? 'ORDER BY time DESC' : '',
    random.below(4) === 0 ? `LIMIT ${1 + random.below(2000)}` : '',
  ]
    .filter((part) => part !== '')
    .join(' ');
  const write = (asked: readonly string[]) =>
    `SELECT ${fields} FROM m WHERE ${[...asked, ...others].join(' AND ')} ${rest}`;
  return [write(comparisons), write(comparisons.map((each) => `(${each} OR ${each})`))];
}

/** Floats by their first digits: sums over several series are added in another order. */
function written(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'number' && !Number.isInteger(each) ? Number(each.toPrecision(12)) : each,
  );
}

describe('the short way answers as the general one', () => {
  it(`over random statements (seed ${seed})`, async () => {
    const random = new Random(seed + 1);
    let answered = 0;
    for (let i = 0; i < STATEMENTS; i++) {
      const text = statementOf(random);
      const general = await answerOf(`${text} tz('UTC')`);
      const answer = await answerOf(text);
      if (written(answer) !== written(general)) expect(answer, text).toEqual(general);
      if (general.length > 0) answered++;
    }
    expect(answered).toBeGreaterThan(STATEMENTS / 2);
  }, 60_000);

  it(`over random filters (seed ${seed})`, async () => {
    const random = new Random(seed + 2);
    let answered = 0;
    for (let i = 0; i < STATEMENTS; i++) {
      const [text, other] = filteredOf(random);
      const general = await answerOf(other);
      const answer = await answerOf(text);
      if (JSON.stringify(answer) !== JSON.stringify(general)) expect(answer, text).toEqual(general);
      if (general.length > 0) answered++;
    }
    expect(answered).toBeGreaterThan(STATEMENTS / 3);
  }, 60_000);

  it('where a newer file has other values, none of which match', async () => {
    for (const value of [95, 5]) {
      const lines = Array.from(
        { length: 5_000 },
        (_, i) => `over f=${value},n=${i}i ${START_SEC + 50_000 + i}000000000`,
      );
      await writeLines(engine, 'db', Buffer.from(lines.join('\n')));
      await engine.flush();
    }
    expect(await answerOf('SELECT n FROM over WHERE f > 90')).toEqual([]);
    expect(await answerOf('SELECT n FROM over WHERE f < 90')).toHaveLength(5_000);
  });
});
