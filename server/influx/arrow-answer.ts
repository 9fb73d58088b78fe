/**
 * Answers as an Arrow IPC stream, which holds the rows of one statement: a schema has to come first, and fits one. Types
 * are known at the end, so all rows are held until then, up to a limit.
 */
import { VarveError } from '../../errors/errors.ts';
import type { SeriesPart } from '../../query/influxql/result-part.ts';
import type { AnswerBytes } from './answer-bytes.ts';
import type { AnswerWriter } from './answer-writer.ts';

const MOST_BYTES = 512 << 20;
const CELL_BYTES = 8;

/** Its writer throws what cannot be answered in this form; nothing has been sent then. */
export function arrowAnswer(bytes: AnswerBytes): AnswerWriter {
  const held: SeriesPart[] = [];
  const messages: string[] = [];
  let heldBytes = 0;
  let statement = -1;
  let isPartial = false;
  return {
    write(part) {
      if (part.error !== '') throw new VarveError('bad_request', part.error);
      messages.push(...part.messages.map(({ text }) => text));
      for (const each of part.series) {
        if (statement >= 0 && part.statement !== statement) {
          const cause = 'an Arrow stream holds the rows of one statement, send them one by one';
          throw new VarveError('bad_request', `cannot answer as Arrow: ${cause}`);
        }
        statement = part.statement;
        if (each.partial && part.series[part.series.length - 1] === each) isPartial = !part.partial;
        heldBytes += (each.end - each.start) * (each.series.columns.length + 1) * CELL_BYTES;
        if (heldBytes > MOST_BYTES) {
          const cause = `there are more than ${MOST_BYTES} bytes, ask for a shorter range or for JSON`;
          throw new VarveError('unprocessable', `cannot answer as Arrow: ${cause}`);
        }
        held.push(each);
      }
    },
    async end() {
      const metadata = new Map<string, string>();
      if (messages.length > 0) metadata.set('messages', JSON.stringify(messages));
      if (isPartial) metadata.set('partial', 'true');
      const [{ influxTable }, { arrowStream }] = await Promise.all([
        import('../arrow/influx-table.ts'),
        import('../arrow/arrow-stream.ts'),
      ]);
      bytes.raw(arrowStream(influxTable(held, metadata)));
    },
  };
}
