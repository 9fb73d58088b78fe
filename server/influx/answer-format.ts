/** Which form an answer to InfluxQL takes: what the client accepts, in its order of preference; JSON otherwise. */
import { acceptedRanges, inRange } from '../accept.ts';
import { ARROW_TYPE } from '../arrow/media-type.ts';
import { AnswerBytes } from './answer-bytes.ts';
import type { AnswerWriter } from './answer-writer.ts';
import { arrowAnswer } from './arrow-answer.ts';
import { csvAnswer, csvError } from './csv-answer.ts';
import type { Epoch } from './epoch.ts';
import { chunkedJsonAnswer, jsonAnswer, jsonError } from './json-answer.ts';
import { jsonIndenter } from './json-indent.ts';
import { chunkedMessagePackAnswer, messagePackAnswer, messagePackError } from './messagepack-answer.ts';

export interface AnswerFormat {
  readonly contentType: string;
  /** Of what `error` writes, where that is another form. */
  readonly errorContentType?: string;
  writer(bytes: AnswerBytes, epoch: Epoch | null, isChunked: boolean): AnswerWriter;
  /** What a request as a whole is refused with. */
  error(bytes: AnswerBytes, message: string): void;
}

const JSON_FORMAT: AnswerFormat = {
  contentType: 'application/json',
  writer: (bytes, epoch, isChunked) => (isChunked ? chunkedJsonAnswer : jsonAnswer)(bytes, epoch),
  error: jsonError,
};

const CSV_FORMAT: AnswerFormat = { contentType: 'text/csv', writer: csvAnswer, error: csvError };

const MESSAGE_PACK_FORMAT: AnswerFormat = {
  contentType: 'application/x-msgpack',
  writer: (bytes, epoch, isChunked) => (isChunked ? chunkedMessagePackAnswer : messagePackAnswer)(bytes, epoch),
  error: messagePackError,
};

const ARROW_FORMAT: AnswerFormat = {
  contentType: ARROW_TYPE,
  errorContentType: 'application/json',
  writer: arrowAnswer,
  error: jsonError,
};

/** By what is asked for; CSV has two names, of which one is answered. */
const FORMATS: readonly (readonly [type: string, format: AnswerFormat])[] = [
  ['application/json', JSON_FORMAT],
  ['application/csv', CSV_FORMAT],
  ['text/csv', CSV_FORMAT],
  ['application/x-msgpack', MESSAGE_PACK_FORMAT],
  [ARROW_TYPE, ARROW_FORMAT],
];

/** @param accept the Accept header. */
export function chooseFormat(accept: string | null, isPretty: boolean): AnswerFormat {
  for (const range of acceptedRanges(accept)) {
    const format = FORMATS.find(([type]) => inRange(range, type))?.[1];
    if (format !== undefined) return format === JSON_FORMAT && isPretty ? pretty(format) : format;
  }
  return isPretty ? pretty(JSON_FORMAT) : JSON_FORMAT;
}

/** The same, indented: everything is written to another buffer first. */
function pretty(format: AnswerFormat): AnswerFormat {
  return {
    contentType: format.contentType,
    writer(bytes, epoch, isChunked) {
      const compact = new AnswerBytes();
      const inner = format.writer(compact, epoch, isChunked);
      const indenter = jsonIndenter(bytes);
      return {
        write(part) {
          inner.write(part);
          // An error may still take back what is here, so a document that is not chunked waits for its end.
          if (isChunked) indenter.write(compact.take());
        },
        end() {
          inner.end();
          indenter.write(compact.take());
        },
      };
    },
    error(bytes, message) {
      const compact = new AnswerBytes();
      format.error(compact, message);
      jsonIndenter(bytes).write(compact.take());
    },
  };
}
