/**
 * An answer on its way: parts are written as they come, and leave in pieces, so that an answer of any size needs little
 * memory and a slow client slows the query. A small one is sent whole.
 *
 * What a statement has written stays here until so many bytes have come together that it must go; until then an error
 * replaces it, as InfluxDB has it. After that the error is added to what was sent.
 */
import type { ResultPart } from '../../query/influxql/result-part.ts';
import { AnswerBytes } from './answer-bytes.ts';
import type { AnswerFormat } from './answer-format.ts';
import type { Epoch } from './epoch.ts';

/** Bytes that are held back. */
const HELD_BYTES = 1 << 20;
/** Bytes of a chunked answer that go together, if they come at once. */
const PIECE_BYTES = 1 << 16;

export interface AnswerOptions {
  readonly format: AnswerFormat;
  readonly epoch: Epoch | null;
  readonly isChunked: boolean;
  /** Rows in the whole answer, unless it is chunked; 0 is no limit. */
  readonly rowLimit: number;
}

/** The pieces of an answer. Ends early when the row limit is reached. */
export async function* answerPieces(
  parts: AsyncIterable<ResultPart>,
  { format, epoch, isChunked, rowLimit }: AnswerOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const bytes = new AnswerBytes(1 << 12);
  const writer = format.writer(bytes, epoch, isChunked);
  let rowsLeft = isChunked || rowLimit <= 0 ? Infinity : rowLimit;
  for await (const part of parts) {
    const shown = rowsLeft === Infinity ? part : firstRows(part, rowsLeft);
    for (const { start, end } of shown.series) rowsLeft -= end - start;
    writer.write(shown);
    if (bytes.pending >= (isChunked ? PIECE_BYTES : HELD_BYTES)) yield bytes.take();
    if (rowsLeft <= 0) break;
  }
  await writer.end();
  yield bytes.take();
}

/** A part with at most so many rows. A series that was cut says that it is partial. */
function firstRows(part: ResultPart, rows: number): ResultPart {
  const series: ResultPart['series'][number][] = [];
  let left = rows;
  for (const each of part.series) {
    const has = each.end - each.start;
    series.push(has > left ? { ...each, end: each.start + left, partial: true } : each);
    left -= has;
    if (left <= 0) break;
  }
  return { ...part, series };
}
