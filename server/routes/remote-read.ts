/**
 * Prometheus remote read: /api/v1/read. The answer is samples, or a stream of XOR chunks that is produced as fast as the
 * client takes it, whichever the client asks for first.
 */
import snappy from 'snappy';
import { VarveError } from '../../errors/errors.ts';
import { unpackSnappy } from '../../ingest/snappy-block.ts';
import { formatMatcher } from '../../query/promql/matcher.ts';
import { chooseResponseType, decodeReadRequest } from '../../query/remote-read/read-request.ts';
import {
  ChunkStream,
  DEFAULT_READ_LIMITS,
  nextTurn,
  type ReadLimits,
  readSamples,
} from '../../query/remote-read/remote-read.ts';
import { readAtMost } from '../request-body.ts';
import type { Route, RouteContext } from '../route.ts';

/** A request holds matchers and times, and nothing that needs more. */
const REQUEST_LIMIT_BYTES = 32 << 20;

const SAMPLES_HEADERS = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' };
const STREAM_HEADERS = { 'content-type': 'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse' };

async function remoteRead(context: RouteContext): Promise<Response> {
  const { config, database, request } = context;
  const body = await readAtMost(request, REQUEST_LIMIT_BYTES);
  const question = decodeReadRequest(unpackSnappy(body, REQUEST_LIMIT_BYTES));
  const streamed = chooseResponseType(question.acceptedTypes) !== 'samples';
  const timeoutMs = config.queryTimeoutMs > 0 ? config.queryTimeoutMs : Infinity;
  const deadlineMs = performance.now() + timeoutMs;
  const query = question.queries.map(({ matchers }) => `{${matchers.map(formatMatcher).join(',')}}`).join(' ');
  const owner = context.caller.rights.id;
  const origin = { query, database, path: '/api/v1/read', signal: request.signal, timeoutMs, owner };
  const pass = await context.queries.pass(origin);
  const { signal } = pass.ticket;
  try {
    const source = context.engine().database(database);
    const limits = limitsOf(config);
    if (streamed) return await stream(new ChunkStream(source, question, limits), signal, deadlineMs, pass.leave);
    const answer = await snappy.compress(await readSamples(source, question, limits, { signal, deadlineMs }));
    pass.leave();
    return new Response(Uint8Array.from(answer), { headers: SAMPLES_HEADERS });
  } catch (error) {
    pass.leave();
    throw error;
  }
}

function limitsOf({ queryMaxSamples, queryMaxSeries, queryMaxBytes }: RouteContext['config']): ReadLimits {
  return {
    ...DEFAULT_READ_LIMITS,
    ...(queryMaxSamples > 0 ? { maxSamples: queryMaxSamples } : {}),
    maxSeries: queryMaxSeries,
    maxBytes: queryMaxBytes,
  };
}

/**
 * The answer that a stream is. Its first frames are made before its head is sent, so that what is refused is refused in the
 * proper way; `leave` is called at its end, however it comes.
 */
async function stream(
  chunks: ChunkStream,
  signal: AbortSignal,
  deadlineMs: number,
  leave: () => void,
): Promise<Response> {
  let first = await nextFrames(chunks, signal);
  let late: NodeJS.Timeout | undefined;
  const frames = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const end = (why: string) => {
          leave();
          // It may have ended already.
          if (late !== undefined) controller.error(new Error(why));
        };
        signal.addEventListener('abort', () => end('remote read was canceled'), { once: true });
        const ms = deadlineMs === Infinity ? 2 ** 31 - 1 : Math.max(0, deadlineMs - performance.now());
        late = setTimeout(() => end('remote read timed out'), ms);
        late.unref();
      },
      async pull(controller) {
        const bytes = first ?? (await nextFrames(chunks, signal));
        first = null;
        if (bytes !== null) {
          controller.enqueue(bytes);
          return;
        }
        clearTimeout(late);
        late = undefined;
        controller.close();
        leave();
      },
      cancel() {
        clearTimeout(late);
        late = undefined;
        leave();
      },
    },
    // What has not been asked for is not produced.
    { highWaterMark: 0 },
  );
  return new Response(frames, { headers: STREAM_HEADERS });
}

/** The next frames; null at the end. */
async function nextFrames(chunks: ChunkStream, signal: AbortSignal): Promise<Uint8Array | null> {
  for (;;) {
    const bytes = chunks.next();
    if (bytes === null || bytes.length > 0) return bytes;
    await nextTurn();
    if (signal.aborted) throw new VarveError('canceled', 'remote read was canceled');
  }
}

export const remoteReadRoutes: readonly Route[] = [
  {
    methods: ['POST'],
    path: '/api/v1/read',
    access: 'read',
    purpose: 'Prometheus remote read 1.0: samples, or streamed XOR chunks (snappy, protobuf)',
    handle: remoteRead,
  },
];
