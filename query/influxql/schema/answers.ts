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

function textColumn(values: readonly string[]): TextColumn {
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

/** How long a statement works before others have their turn, ms. */
const TURN_MS = 10;

/**
 * Lets other requests have their turn while a long list is made, ends it when nobody waits for it any more, and when refs
 * and ids that it found before may mean something else by now, because series were removed and their refs given to others.
 */
export class Turns {
  private readonly context: StatementContext;
  private readonly databases: readonly Database[];
  private readonly releases: readonly number[];
  private sinceMs = performance.now();

  constructor(context: StatementContext, databases: readonly Database[]) {
    this.context = context;
    this.databases = databases;
    this.releases = databases.map(({ index }) => index.releases);
  }

  /** To be awaited between the parts of the work, and after whatever was yielded. */
  async next(): Promise<void> {
    if (performance.now() - this.sinceMs > TURN_MS) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      this.sinceMs = performance.now();
    }
    if (this.context.signal?.aborted === true) throw new VarveError('canceled', 'query interrupted');
    if (this.databases.some(({ index }, i) => index.releases !== this.releases[i])) {
      throw new VarveError('overloaded', 'cannot go on listing: series were removed meanwhile; try again');
    }
  }
}

/** The part of a list that LIMIT and OFFSET leave; a limit of 0 is none. */
export function page<T>(list: readonly T[], limit: number, offset: number): readonly T[] {
  if (limit === 0 && offset === 0) return list;
  return list.slice(offset, limit === 0 ? undefined : offset + limit);
}
