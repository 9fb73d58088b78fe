/** Line protocol in: /write and /api/v2/write. */
import { errorBody } from '../../ingest/line-outcome.ts';
import { parsePrecision } from '../../ingest/timestamp.ts';
import { writeLines } from '../../ingest/write-lines.ts';
import type { ServerState } from '../state.ts';
import { WRITTEN, type WriteAnswer, type WriteRequest } from '../write-request.ts';

const LABELS = { protocol: 'line' };

/** Stores the good lines of a body; bad ones are named in the answer. */
export async function writeLineProtocol(state: ServerState, write: WriteRequest): Promise<WriteAnswer> {
  const precision = parsePrecision(write.parameters.get('precision'));
  const engine = state.requireEngine();
  const outcome = await writeLines(engine, write.database, write.body, { precision });
  engine.counters.bytesIngested += write.body.length;
  state.metrics.valuesIn.inc(LABELS, outcome.values);
  state.metrics.bytesIn.inc(LABELS, write.body.length);
  if (outcome.rejected === 0) return WRITTEN;
  state.metrics.rejectedLines.inc(LABELS, outcome.rejected);
  return errorBody(outcome);
}
