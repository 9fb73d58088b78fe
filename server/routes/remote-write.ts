/** Prometheus remote write 1.0 in: /api/v1/write. */
import { remoteErrorText } from '../../ingest/remote-outcome.ts';
import { writeRemote } from '../../ingest/write-remote.ts';
import type { ServerState } from '../state.ts';
import { WRITTEN, type WriteAnswer, type WriteRequest } from '../write-request.ts';

const LABELS = { protocol: 'remote_write' };

/** Stores the good series of a request. A 400 tells the sender what was dropped, and that sending it again is of no use. */
export async function writeRemoteProtocol(state: ServerState, write: WriteRequest): Promise<WriteAnswer> {
  const engine = state.requireEngine();
  const outcome = await writeRemote(engine, write.database, write.body);
  engine.counters.bytesIngested += write.body.length;
  state.metrics.valuesIn.inc(LABELS, outcome.samples);
  state.metrics.bytesIn.inc(LABELS, write.body.length);
  const text = remoteErrorText(outcome);
  if (text === null) return WRITTEN;
  state.metrics.rejectedLines.inc(LABELS, outcome.rejectedSamples + outcome.histograms);
  return { status: 400, body: `${JSON.stringify({ error: text })}\n` };
}
