/**
 * Answers as InfluxDB's JSON: the order of keys, the numbers and the escapes are those of its encoder, and keys without
 * content are left out.
 */
import { type ResultPart, type SeriesPart, sameSeries } from '../../query/influxql/result-part.ts';
import type { AnswerBytes } from './answer-bytes.ts';
import type { AnswerWriter } from './answer-writer.ts';
import type { Epoch } from './epoch.ts';
import { writeRows } from './json-rows.ts';

const COMMA = 44;
const OPEN = 91;
const CLOSE = 93;

/** One document of all results; ends with a newline. */
export function jsonAnswer(bytes: AnswerBytes, epoch: Epoch | null): AnswerWriter {
  let results = 0;
  let open: OpenResult | null = null;
  const closeResult = () => {
    if (open !== null) endResult(bytes, open);
    open = null;
  };
  return {
    write(part) {
      if (open !== null && open.statement !== part.statement) closeResult();
      if (open !== null && part.error !== '' && bytes.cut(open.start)) {
        open = null;
        results--;
      }
      if (open === null) {
        const start = bytes.position;
        bytes.text(results === 0 ? '{"results":[' : ',');
        results++;
        open = beginResult(bytes, part.statement, start);
      }
      addPart(bytes, open, part, epoch);
    },
    end() {
      closeResult();
      bytes.text(results === 0 ? '{}\n' : ']}\n');
    },
  };
}

/** A document for each part, on a line of its own. */
export function chunkedJsonAnswer(bytes: AnswerBytes, epoch: Epoch | null): AnswerWriter {
  return {
    write(part) {
      bytes.text('{"results":[');
      const open = beginResult(bytes, part.statement, bytes.position);
      addPart(bytes, open, part, epoch);
      open.partial = part.partial;
      endResult(bytes, open);
      bytes.text(']}\n');
    },
    end() {},
  };
}

/** The document that a request as a whole is refused with. */
export function jsonError(bytes: AnswerBytes, message: string): void {
  bytes.text('{"error":');
  bytes.json(message);
  bytes.text('}\n');
}

/** A statement's result of which more may come. */
interface OpenResult {
  readonly statement: number;
  /** Where its bytes start. */
  readonly start: number;
  last: SeriesPart | null;
  lastRows: number;
  readonly messages: ResultPart['messages'][number][];
  partial: boolean;
  error: string;
}

function beginResult(bytes: AnswerBytes, statement: number, start: number): OpenResult {
  bytes.text('{"statement_id":');
  bytes.integer(statement);
  return { statement, start, last: null, lastRows: 0, messages: [], partial: false, error: '' };
}

function addPart(bytes: AnswerBytes, open: OpenResult, part: ResultPart, epoch: Epoch | null): void {
  for (const next of part.series) {
    if (open.last === null || !sameSeries(open.last.series, next.series)) {
      if (open.last === null) bytes.text(',"series":[');
      else {
        endSeries(bytes, open);
        bytes.byte(COMMA);
      }
      beginSeries(bytes, next);
      open.lastRows = 0;
    }
    writeRows(bytes, next, epoch, open.lastRows);
    open.lastRows += next.end - next.start;
    open.last = next;
  }
  open.messages.push(...part.messages);
  open.error = part.error;
}

function endResult(bytes: AnswerBytes, open: OpenResult): void {
  if (open.last !== null) {
    endSeries(bytes, open);
    bytes.byte(CLOSE);
  }
  open.messages.forEach(({ level, text }, i) => {
    bytes.text(i === 0 ? ',"messages":[{"level":' : ',{"level":');
    bytes.json(level);
    bytes.text(',"text":');
    bytes.json(text);
    bytes.byte(125);
  });
  if (open.messages.length > 0) bytes.byte(CLOSE);
  if (open.partial) bytes.text(',"partial":true');
  if (open.error !== '') {
    bytes.text(',"error":');
    bytes.json(open.error);
  }
  bytes.byte(125);
}

function beginSeries(bytes: AnswerBytes, { series }: SeriesPart): void {
  const { name, tags, columns } = series;
  let lead = '{';
  if (name !== '') {
    bytes.text('{"name":');
    bytes.json(name);
    lead = ',';
  }
  if (tags !== null && tags.length > 0) {
    bytes.text(`${lead}"tags":`);
    tags.forEach(([key, value], i) => {
      bytes.byte(i === 0 ? 123 : COMMA);
      bytes.json(key);
      bytes.byte(58);
      bytes.json(value);
    });
    bytes.byte(125);
    lead = ',';
  }
  if (columns.length > 0) {
    bytes.text(`${lead}"columns":`);
    columns.forEach((column, i) => {
      bytes.byte(i === 0 ? OPEN : COMMA);
      bytes.json(column);
    });
    bytes.byte(CLOSE);
  } else if (lead === '{') {
    bytes.byte(123);
  }
}

function endSeries(bytes: AnswerBytes, { last, lastRows }: OpenResult): void {
  if (lastRows > 0) bytes.byte(CLOSE);
  if (last?.partial === true) bytes.text(',"partial":true');
  bytes.byte(125);
}
