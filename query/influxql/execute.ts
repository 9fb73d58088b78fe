/**
 * Runs the statements of one request in order and yields their results in parts.
 *
 * After a statement that fails none is run. InfluxDB then says of each that was left out but the last that it was
 * "not executed", under the number of the one that failed; so does this, since clients see it instead of the error itself.
 */
import { executeAdmin, isAdminStatement } from './admin/admin.ts';
import type { Statement } from './ast.ts';
import { printStatement } from './print-statement.ts';
import { checkPlaces, qualified } from './qualify.ts';
import type { ResultMessage, StatementAnswer } from './result.ts';
import { type ResultPart, type SeriesPart, sameSeries } from './result-part.ts';
import { executeSchema } from './schema/execute.ts';
import { executeSelect } from './select/select.ts';
import type { StatementContext } from './statement-context.ts';

export interface ExecuteOptions {
  /** Series are cut into parts of so many rows; Infinity leaves them as they come. */
  readonly chunkRows: number;
  /** The request may only read: statements that write are run all the same, and warned of. */
  readonly readOnly: boolean;
  /** The text to answer for an error. */
  describe(error: unknown): string;
}

const NOT_EXECUTED = 'not executed';

export async function* executeStatements(
  statements: readonly Statement[],
  context: StatementContext,
  options: ExecuteOptions,
): AsyncGenerator<ResultPart> {
  for (let i = 0; i < statements.length; i++) {
    try {
      yield* executeStatement(i, statements[i], context, options);
    } catch (error) {
      yield failed(i, options.describe(error));
      for (let left = i; left < statements.length - 1; left++) yield failed(i, NOT_EXECUTED);
      return;
    }
  }
}

async function* executeStatement(
  number: number,
  statement: Statement,
  context: StatementContext,
  { chunkRows, readOnly }: ExecuteOptions,
): AsyncGenerator<ResultPart> {
  const answer = answerStatement(statement, context);
  const messages = [...(readOnly ? readOnlyWarning(statement, context) : []), ...answer.messages];
  const shape = chunkRows === Infinity ? 'series' : shapeOf(statement);
  if (shape === 'rows') yield* inRows(number, answer, messages, chunkRows);
  else if (shape === 'series') yield* inSeries(number, answer, messages);
  else yield await whole(number, answer, messages);
}

function failed(statement: number, error: string): ResultPart {
  return { statement, series: [], messages: [], partial: false, error };
}

/** Kinds of statements that InfluxDB warns of; DELETE is none of them. */
const WRITING = /^(?:create|alter|drop|grant|revoke|set|kill)\b/;

/** What InfluxDB says of a statement that writes when it came by GET. */
function readOnlyWarning(statement: Statement, context: StatementContext): ResultMessage[] {
  const writes = WRITING.test(statement.kind) || (statement.kind === 'select' && statement.into !== null);
  if (!writes) return [];
  const text = printStatement(qualified(statement, context));
  return [
    {
      level: 'warning',
      text: `deprecated use of '${text}' in a read only context, please use a POST request instead`,
    },
  ];
}

function answerStatement(statement: Statement, context: StatementContext): StatementAnswer {
  if (statement.kind === 'select') {
    checkPlaces(statement, context);
    return executeSelect(statement, context);
  }
  if (isAdminStatement(statement)) return executeAdmin(statement, context);
  const answer = executeSchema(statement, context);
  if (answer !== null) return answer;
  throw new Error(`BUG: nothing runs ${statement.kind.toUpperCase()}`);
}

/**
 * How InfluxDB cuts the answers of a kind of statement when a client asks for chunks: by rows where it makes a SELECT of
 * the statement, by series where it walks over measurements, and not at all otherwise.
 */
function shapeOf(statement: Statement): 'rows' | 'series' | 'whole' {
  switch (statement.kind) {
    case 'select':
    case 'show series':
    case 'show field keys':
    case 'show cardinality':
      return 'rows';
    case 'show tag keys':
    case 'show tag values':
      return 'series';
    default:
      return 'whole';
  }
}

/** Parts of at most `chunkRows` rows of one series. Each is held back until it is known whether more follows. */
async function* inRows(
  statement: number,
  answer: StatementAnswer,
  messages: readonly ResultMessage[],
  chunkRows: number,
): AsyncGenerator<ResultPart> {
  let held: SeriesPart[] = [];
  let heldRows = 0;
  const release = (continues: boolean): ResultPart => {
    const series = continues ? held.map((part) => ({ ...part, partial: true })) : held;
    held = [];
    heldRows = 0;
    return { statement, series, messages: [], partial: true, error: '' };
  };
  for await (const series of answer.series) {
    if (held.length > 0 && !sameSeries(held[0].series, series)) yield release(false);
    let start = 0;
    do {
      if (heldRows >= chunkRows) yield release(true);
      const end = Math.min(series.rows, start + chunkRows - heldRows);
      held.push({ series, start, end, partial: false });
      heldRows += end - start;
      start = end;
    } while (start < series.rows);
  }
  yield { statement, series: held, messages, partial: false, error: '' };
}

/** A part for each piece of a series, as it comes. */
async function* inSeries(
  statement: number,
  answer: StatementAnswer,
  messages: readonly ResultMessage[],
): AsyncGenerator<ResultPart> {
  let parts = 0;
  for await (const series of answer.series) {
    const part = { series, start: 0, end: series.rows, partial: false };
    yield { statement, series: [part], messages: parts === 0 ? messages : [], partial: false, error: '' };
    parts++;
  }
  if (parts === 0) yield { statement, series: [], messages, partial: false, error: '' };
}

async function whole(
  statement: number,
  answer: StatementAnswer,
  messages: readonly ResultMessage[],
): Promise<ResultPart> {
  const series: SeriesPart[] = [];
  for await (const each of answer.series) series.push({ series: each, start: 0, end: each.rows, partial: false });
  return { statement, series, messages, partial: false, error: '' };
}
