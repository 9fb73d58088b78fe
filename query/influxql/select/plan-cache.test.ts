/** A statement that is run again is answered as if it were new, whatever has changed since. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ManualClock } from '../../../clock/clock.ts';
import { MemoryFileSystem } from '../../../disk/memory-file-system.ts';
import { type Engine, openEngine } from '../../../engine/engine.ts';
import { writeLines } from '../../../ingest/write-lines.ts';
import type { SelectStatement } from '../ast.ts';
import { parseStatements } from '../parser/parser.ts';
import type { ResultSeries } from '../result.ts';
import { newStatementContext } from '../statement-context.ts';
import { NO_SELECT_LIMITS, type SelectContext } from './context.ts';
import { executeSelect, planSelect } from './select.ts';

const NOW_SEC = 1_600_000_000;

let engine: Engine;

beforeAll(async () => {
  const clock = new ManualClock(NOW_SEC * 1000);
  engine = await openEngine({ dataDir: '/data', fs: new MemoryFileSystem(), clock, inline: true });
});

afterAll(async () => {
  await engine.close();
});

function contextOf(database: string, nowSec = NOW_SEC, more: Partial<SelectContext> = {}): SelectContext {
  const context = newStatementContext({
    engine,
    database,
    retentionPolicy: '',
    nowNs: BigInt(nowSec) * 1_000_000_000n,
    signal: null,
    limits: NO_SELECT_LIMITS,
    workers: null,
    chunkRows: 10_000,
    queries: { list: () => [], kill: () => false },
    assumedDatabase: null,
  });
  return { ...context, ...more };
}

function selectOf(text: string): SelectStatement {
  return parseStatements(text)[0] as SelectStatement;
}

async function write(database: string, ...lines: string[]): Promise<void> {
  await writeLines(engine, database, Buffer.from(lines.join('\n')));
}

/** Columns and the values of the first row, of each series. */
async function answerOf(statement: SelectStatement, context: SelectContext): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const { tags, columns, values, rows } of executeSelect(statement, context).series) {
    all.push([tags, columns, rows, ...values.slice(1).map((column) => 'values' in column && column.values[0])]);
  }
  return all;
}

test('fields, tags and types that came since', async () => {
  await write('grown', `m,a=x f=1 ${NOW_SEC}000000000`);
  const statement = selectOf('SELECT * FROM m');
  const check = async () => {
    expect(await answerOf(statement, contextOf('grown'))).toEqual(
      await answerOf(selectOf('SELECT * FROM m'), contextOf('grown')),
    );
  };
  await check();
  expect(await answerOf(statement, contextOf('grown'))).toEqual([[null, ['time', 'a', 'f'], 1, 'x', 1]]);
  await write('grown', `m,a=x f=2,g=3 ${NOW_SEC}000000000`);
  await check();
  await write('grown', `m,a=x,b=y f=4 ${NOW_SEC}000000000`);
  await check();
  expect((await answerOf(statement, contextOf('grown')))[0]).toContainEqual(['time', 'a', 'b', 'f', 'g']);
});

test('another database', async () => {
  await write('one', `m f=1 ${NOW_SEC}000000000`);
  await write('two', `m f=2i ${NOW_SEC}000000000`);
  const statement = selectOf('SELECT f FROM m');
  for (const [database, value] of [
    ['one', 1],
    ['two', 2],
    ['one', 1],
  ] as const) {
    expect(await answerOf(statement, contextOf(database))).toEqual([[null, ['time', 'f'], 1, value]]);
  }
});

test('now() is that of each run, also where it is not said', async () => {
  await write('moving', ...Array.from({ length: 10 }, (_, i) => `m f=${i} ${NOW_SEC + i * 60}000000000`));
  for (const text of [
    'SELECT count(f) FROM m WHERE time < now()',
    `SELECT count(f) FROM m WHERE time >= ${NOW_SEC}s GROUP BY time(1h)`,
    `SELECT count(f) FROM (SELECT f FROM m WHERE time < now())`,
  ]) {
    const statement = selectOf(text);
    for (const later of [61, 301, 121]) {
      const context = contextOf('moving', NOW_SEC + later);
      const answer = await answerOf(statement, context);
      expect(answer, text).toEqual(await answerOf(selectOf(text), context));
      expect(answer, text).toEqual([[null, ['time', 'count'], 1, Math.ceil(later / 60)]]);
    }
  }
});

test('a plan is kept, its limits are not', async () => {
  await write('limited', `m f=1 ${NOW_SEC}000000000`);
  const statement = selectOf(
    `SELECT max(f) FROM m WHERE time >= ${NOW_SEC}s AND time < ${NOW_SEC + 60}s GROUP BY time(1s)`,
  );
  const context = contextOf('limited');
  expect(planSelect(statement, context)).toBe(planSelect(statement, contextOf('limited', NOW_SEC + 5)));
  const limits = { ...NO_SELECT_LIMITS, maxSelectBuckets: 10 };
  expect(() => planSelect(statement, contextOf('limited', NOW_SEC, { limits }))).toThrow('max-select-buckets');
});

test('two runs at once do not disturb each other', async () => {
  await write('both', ...['x', 'y', 'z'].map((host, i) => `m,host=${host} f=${i}i ${NOW_SEC}000000000`));
  const text = 'SELECT max(f), count(f) FROM m GROUP BY host';
  const statement = selectOf(text);
  const wanted = await answerOf(selectOf(text), contextOf('both'));
  const runs = [0, 1].map(() => executeSelect(statement, contextOf('both')).series[Symbol.asyncIterator]());
  const answers: ResultSeries[][] = [[], []];
  for (let i = 0; i < 3; i++) {
    for (const [r, run] of runs.entries()) answers[r].push((await run.next()).value as ResultSeries);
  }
  for (const answer of answers) {
    const shown = answer.map(({ tags, columns, values, rows }) => [
      tags,
      columns,
      rows,
      ...values.slice(1).map((column) => 'values' in column && column.values[0]),
    ]);
    expect(shown).toEqual(wanted);
  }
});
