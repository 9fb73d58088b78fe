/** Answers of statements about the schema: few columns of texts and counts, in chunks where there may be millions of rows. */
import type { Database } from '../../../engine/database.ts';
import { VarveError } from '../../../errors/errors.ts';
import type { MixedColumn, ResultSeries, StatementAnswer, TextColumn } from '../result.ts';
import type { StatementContext } from '../statement-context.ts';

/** Rows of one chunk: little enough that making it does not hold up the event loop. */
export const CHUNK_ROWS = 8192;

/** The answer of the series that a generator yields. */
export function answerOf(series: AsyncIterable<ResultSeries>): StatementAnswer {
  return { series, messages: [] };
}

/** The answer without any series. */
export function emptyAnswer(): StatementAnswer {
  return listAnswer([]);
}

export function listAnswer(list: readonly ResultSeries[]): StatementAnswer {
  return answerOf(
    (async function* () {
      yield* list;
    })(),
  );
}

export function textColumn(values: readonly string[]): TextColumn {
  return { kind: 'string', values };
}

/** A series of text columns of equal length. */
export function textSeries(
  name: string,
  columns: readonly string[],
  texts: readonly (readonly string[])[],
  partial = false,
): ResultSeries {
  return { name, tags: null, columns, values: texts.map(textColumn), rows: texts[0].length, partial };
}

/** A series of rows of mixed values. */
export function rowSeries(
  name: string,
  columns: readonly string[],
  rows: readonly (readonly MixedColumn['values'][number][])[],
): ResultSeries {
  const values = columns.map((_, i): MixedColumn => ({ kind: 'mixed', values: rows.map((row) => row[i]) }));
  return { name, tags: null, columns, values, rows: rows.length, partial: false };
}

/** One count. */
export function countSeries(name: string, tags: ResultSeries['tags'], column: string, count: number): ResultSeries {
  return { name, tags, columns: [column], values: [{ kind: 'mixed', values: [count] }], rows: 1, partial: false };
}

/**
 * Whoever goes on after a yield calls what this returns: it throws when refs and ids that were found before may mean
 * something else by now, because series were removed in the meantime and their refs given to others.
 */
export function refsGuard(databases: readonly Database[]): () => void {
  const before = databases.map(({ index }) => index.releases);
  return () => {
    if (databases.every(({ index }, i) => index.releases === before[i])) return;
    throw new VarveError('overloaded', 'cannot go on listing: series were removed meanwhile; try again');
  };
}

/** Lets other requests have their turn, and ends a statement that nobody waits for any more. */
export async function breathe(context: StatementContext): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  throwIfEnded(context);
}

export function throwIfEnded(context: StatementContext): void {
  if (context.signal?.aborted === true) throw new VarveError('canceled', 'query interrupted');
}

/** The part of a list that LIMIT and OFFSET leave; a limit of 0 is none. */
export function page<T>(list: readonly T[], limit: number, offset: number): readonly T[] {
  if (limit === 0 && offset === 0) return list;
  return list.slice(offset, limit === 0 ? undefined : offset + limit);
}
