/**
 * Prometheus remote read: /api/v1/read. The answer is samples, or a stream of XOR chunks that is produced as fast as the
 * client takes it, whichever the client asks for first.
 */
import snappy from 'snappy';
import { VarveError } from '../../errors/errors.ts';
import { unpackSnappy } from '../../ingest/snappy-block.ts';
import { chooseResponseType, decodeReadRequest } from '../../query/remote-read/read-request.ts';
import { ChunkStream, readSamples } from '../../query/remote-read/remote-read.ts';
import type { Route, RouteContext } from '../route.ts';

/** A request holds matchers and times, and nothing that needs more. */
const REQUEST_LIMIT_BYTES = 32 << 20;

const SAMPLES_HEADERS = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' };
const STREAM_HEADERS = { 'content-type': 'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse' };

async function remoteRead({ engine, database, request }: RouteContext): Promise<Response> {
  const body = await readAtMost(request, REQUEST_LIMIT_BYTES);
  const question = decodeReadRequest(unpackSnappy(body, REQUEST_LIMIT_BYTES));
  const source = engine().database(database);
  if (chooseResponseType(question.acceptedTypes) === 'samples') {
    const answer = await snappy.compress(await readSamples(source, question));
    return new Response(Uint8Array.from(answer), { headers: SAMPLES_HEADERS });
  }
  const stream = new ChunkStream(source, question);
  const frames = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const bytes = stream.next();
        if (bytes === null) controller.close();
        else controller.enqueue(bytes);
      },
    },
    // What has not been asked for is not produced.
    { highWaterMark: 0 },
  );
  return new Response(frames, { headers: STREAM_HEADERS });
}

/** The whole body. @throws VarveError body_too_large. */
async function readAtMost(request: Request, limitBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  if (request.body !== null) {
    for await (const part of request.body) {
      length += part.length;
      if (length > limitBytes) {
        throw new VarveError('body_too_large', `cannot read body: more than ${limitBytes} bytes`);
      }
      parts.push(part);
    }
  }
  return Buffer.concat(parts);
}

export const remoteReadRoutes: readonly Route[] = [
  {
    methods: ['POST'],
    path: '/api/v1/read',
    purpose: 'Prometheus remote read 1.0: samples, or streamed XOR chunks (snappy, protobuf)',
    handle: remoteRead,
  },
];
