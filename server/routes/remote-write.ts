/**
 * Prometheus remote write in: /api/v1/write. The content type tells the version of the message: 1.0 unless it names
 * 2.0's. Answers follow the specification of 2.0, so that a sender repeats what may succeed later and nothing else:
 *
 *     204   all was stored
 *     400   some of it never will be; the rest was stored, and 2.0's headers say how much of it
 *     415   a message or compression that is not known; the sender may try another
 *     429 with Retry-After        new series came too fast; the rest was stored
 *     503 with Retry-After        nothing was stored, for now
 */
import type { IncomingMessage } from 'node:http';
import { passes } from '../../engine/write-limits.ts';
import { VarveError } from '../../errors/errors.ts';
import { newRemoteOutcome, remoteErrorText } from '../../ingest/remote-outcome.ts';
import { writtenHeaders } from '../../ingest/remote-write-2.ts';
import { snappyLength } from '../../ingest/snappy-block.ts';
import { type RemoteVersion, writeRemote } from '../../ingest/write-remote.ts';
import type { ServerState } from '../state.ts';
import { WRITTEN, type WriteAnswer, type WriteRequest } from '../write-request.ts';

const LABELS = { protocol: 'remote_write' };

const MEDIA_TYPE = 'application/x-protobuf';
const VERSIONS: ReadonlyMap<string, RemoteVersion> = new Map([
  ['prometheus.WriteRequest', 1],
  ['io.prometheus.write.v2.Request', 2],
]);

const NOTHING_WRITTEN = writtenHeaders(newRemoteOutcome());

/**
 * The version of the message that a request's content type names.
 * @throws VarveError unsupported_media_type.
 */
export function remoteVersion(headers: IncomingMessage['headers']): RemoteVersion {
  const [type, ...parameters] = (headers['content-type'] || MEDIA_TYPE).split(';').map((part) => part.trim());
  if (type.toLowerCase() !== MEDIA_TYPE) {
    throw new VarveError('unsupported_media_type', `cannot read remote write of type "${type}": use ${MEDIA_TYPE}`);
  }
  const message = parameters.find((parameter) => parameter.startsWith('proto='))?.slice('proto='.length);
  if (message === undefined) return 1;
  const version = VERSIONS.get(message.replace(/^"(.*)"$/, '$1'));
  if (version === undefined) {
    const known = [...VERSIONS.keys()].join(', ');
    throw new VarveError('unsupported_media_type', `cannot read remote write message "${message}": use ${known}`);
  }
  return version;
}

/** What a failed request's answer says was written: nothing. Senders of 2.0 take missing headers for those of 1.0. */
export function remoteFailureHeaders(headers: IncomingMessage['headers']): Readonly<Record<string, string>> {
  try {
    return remoteVersion(headers) === 2 ? NOTHING_WRITTEN : {};
  } catch {
    return NOTHING_WRITTEN;
  }
}

/** Stores the good series of a request. A 400 tells the sender what was dropped, and that sending it again is of no use. */
export async function writeRemoteProtocol(state: ServerState, write: WriteRequest): Promise<WriteAnswer> {
  const engine = state.requireEngine();
  const version = remoteVersion(write.headers);
  const { bodyLimitBytes, promql } = state.config;
  const { typeAndUnitLabels } = promql;
  const outcome = await writeRemote(engine, write.database, write.body, bodyLimitBytes, version, { typeAndUnitLabels });
  const unpackedBytes = snappyLength(write.body);
  engine.counters.bytesIngested += unpackedBytes;
  state.metrics.valuesIn.inc(LABELS, outcome.samples);
  state.metrics.bytesIn.inc(LABELS, unpackedBytes);
  const headers = version === 2 ? writtenHeaders(outcome) : undefined;
  const text = remoteErrorText(outcome);
  if (text === null) return { ...WRITTEN, headers };
  state.metrics.rejectedLines.inc(LABELS, outcome.rejectedSamples + outcome.histograms);
  const body = `${JSON.stringify({ error: text })}\n`;
  // What was stored may come again: it is the same then.
  if ([...outcome.refusals.keys()].some((limit) => passes({ limit }))) {
    return { status: 429, body, headers: { ...headers, 'retry-after': '1' } };
  }
  return { status: 400, body, headers };
}
