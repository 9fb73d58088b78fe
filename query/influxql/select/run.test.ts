/** A SELECT whose rows are taken slowly, while what it reads is flushed, merged, or given to other series. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ManualClock } from '../../../clock/clock.ts';
import { DEFAULT_DATABASE, type Engine } from '../../../engine/engine.ts';
import { openInMemory } from '../../../engine/engine-in-memory.ts';
import { writeLines } from '../../../ingest/write-lines.ts';
import { EVERYTHING, exportLines } from '../../export-lines.ts';
import { executeStatements } from '../execute.ts';
import { parseStatements } from '../parser/parser.ts';
import type { ResultPart } from '../result-part.ts';
import { NO_RUNNING_QUERIES, newStatementContext } from '../statement-context.ts';
import { NO_SELECT_LIMITS } from './context.ts';

const DAY_NS = 86_400_000_000_000n;
const DAYS = 4;
const ROWS = 50;

// So that a turn does not end by itself, however long all of this takes.
beforeEach(() => void vi.spyOn(performance, 'now').mockReturnValue(0));
afterEach(() => void vi.restoreAllMocks());

/** Rows of one series on several days, in memory. */
async function setUp(filling = ''): Promise<Engine> {
  const engine = await openInMemory({ clock: new ManualClock(Number((DAY_NS * 100n) / 1_000_000n)) });
  const lines: string[] = [];
  for (let day = 0n; day < DAYS; day++) {
    for (let n = 0n; n < ROWS; n++) lines.push(`a v=${day * 1000n + n}${filling} ${day * DAY_NS + n + 1n}`);
  }
  await write(engine, lines.join('\n'));
  return engine;
}

async function write(engine: Engine, text: string): Promise<void> {
  const { rejected } = await writeLines(engine, DEFAULT_DATABASE, new TextEncoder().encode(text));
  expect(rejected).toBe(0);
}

function select(engine: Engine, text: string): AsyncGenerator<ResultPart> {
  const context = newStatementContext({
    engine,
    database: DEFAULT_DATABASE,
    retentionPolicy: '',
    nowNs: 100n * DAY_NS,
    signal: null,
    limits: NO_SELECT_LIMITS,
    workers: null,
    chunkRows: 10,
    queries: NO_RUNNING_QUERIES,
    assumedDatabase: DEFAULT_DATABASE,
  });
  const describe = (error: unknown) => (error as Error).message;
  return executeStatements(parseStatements(text), context, { chunkRows: 10, readOnly: false, describe });
}

/** What retention does when the last file of a series goes and its ref is free: see engine/dead-series.ts. */
function giveRefAway(engine: Engine): void {
  const database = engine.database(DEFAULT_DATABASE)!;
  const refs = database.index.select('a', []);
  expect(refs.length).toBe(1);
  database.edit({ remove: [...database.manifest.files.keys()] });
  database.index.remove(refs);
  database.index.releaseRemoved();
}

it('goes on reading when memory was flushed and files were merged between two of its rows', async () => {
  const engine = await setUp();
  const parts = select(engine, 'SELECT v FROM a');
  let rows = 0;
  for await (const { error, series } of parts) {
    expect(error).toBe('');
    for (const { start, end } of series) rows += end - start;
    await engine.flush();
    await engine.maintenance.run(true);
  }
  expect(rows).toBe(DAYS * ROWS);
  await engine.close();
});

it('ends when the ref of its series was given to another between two of its rows', async () => {
  const engine = await setUp();
  await engine.flush();
  const parts = select(engine, 'SELECT v FROM a');
  await parts.next();
  giveRefAway(engine);
  await write(engine, `b v=-1 ${2n * DAY_NS}`);
  const errors: string[] = [];
  for await (const { error } of parts) if (error !== '') errors.push(error);
  expect(errors).toEqual(['cannot read series: some were removed while the query ran, try again']);
  await engine.close();
});

it('an export ends when the ref of its series was given to another between two of its pieces', async () => {
  const engine = await setUp(`,s="${'x'.repeat(10_000)}"`);
  await engine.flush();
  const pieces = exportLines(engine.database(DEFAULT_DATABASE)!, null, EVERYTHING);
  expect(pieces.next().done).toBe(false);
  giveRefAway(engine);
  await write(engine, `b v=-1 ${2n * DAY_NS}`);
  expect(() => [...pieces]).toThrow('cannot go on exporting: series were removed meanwhile; try again');
  await engine.close();
});
