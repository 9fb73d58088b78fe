import type { ResultPart } from '../../query/influxql/result-part.ts';

/** Writes an answer, part by part, into a buffer that the caller empties. */
export interface AnswerWriter {
  /** One part. What was written of its statement before is replaced when it is an error and that is still possible. */
  write(part: ResultPart): void;
  /** Ends the answer; may throw, when nothing was written yet. */
  end(): void | Promise<void>;
}
