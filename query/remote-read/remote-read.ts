/**
 * Answers remote read: whole as samples, or in frames of XOR chunks.
 *
 *     ReadResponse         1: repeated QueryResult         QueryResult    1: repeated TimeSeries
 *     TimeSeries           1: repeated Label   2: repeated Sample
 *     Label                1: name   2: value              Sample         1: double value   2: int64 timestamp (ms)
 *
 *     ChunkedReadResponse  1: repeated ChunkedSeries   2: int64 query_index
 *     ChunkedSeries        1: repeated Label   2: repeated Chunk
 *     Chunk                1: int64 min_time_ms   2: int64 max_time_ms   3: type (1: XOR)   4: data
 *
 *     frame                uvarint size   u32 big-endian CRC32C of the message   ChunkedReadResponse
 *
 * Series come in the order of their labels. A frame holds chunks of one series; a series that does not fit one frame goes
 * on in the next with its labels repeated, which is how readers put it together again.
 *
 * Source: Prometheus, prompb/remote.proto and storage/remote/chunked.go.
 */
import { crc32c } from '../../bytes/crc32c.ts';
import type { Database } from '../../engine/database.ts';
import { VarveError } from '../../errors/errors.ts';
import type { Labels } from '../promql/labels.ts';
import type { CancelSignal } from '../promql/limits.ts';
import { wordsOf } from '../promql/value.ts';
import type { Samples } from '../sample-reader.ts';
import { LENGTH_DELIMITED, MessageWriter, tagOf } from './protobuf.ts';
import type { ReadRequest } from './read-request.ts';
import { type SeriesSamples, SeriesWalk } from './series-walk.ts';
import { encodeXorChunk, SAMPLES_PER_CHUNK } from './xor-chunk.ts';

export interface ReadLimits {
  /** Samples that a whole answer may hold; 0 is no limit. Streams hold little at a time and have none. */
  maxSamples: number;
  /** Bytes of a whole answer before it is packed; 0 is no limit. */
  maxBytes: number;
  /** Series that one of the queries may select; 0 is no limit. */
  maxSeries: number;
  /** Bytes of one frame, about. */
  frameBytes: number;
}

export const DEFAULT_READ_LIMITS: Readonly<ReadLimits> = {
  maxSamples: 50_000_000,
  maxBytes: 0,
  maxSeries: 0,
  frameBytes: 1 << 20,
};

/** When to stop early: whoever asked has gone, or the time is over (on the clock of performance.now()). */
export interface ReadEnds {
  readonly signal: CancelSignal;
  readonly deadlineMs: number;
}

const NEVER: ReadEnds = { signal: { aborted: false }, deadlineMs: Infinity };

function checkEnds({ signal, deadlineMs }: ReadEnds): void {
  if (signal.aborted) throw new VarveError('canceled', 'remote read was canceled');
  if (performance.now() > deadlineMs) throw new VarveError('timeout', 'remote read timed out');
}

/** A turn of the event loop for others. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The hint that asks which series there are, without their samples. */
const SERIES_ONLY = 'series';

const SAMPLE_TAG = tagOf(2, LENGTH_DELIMITED);

/** Samples after which the whole answer lets others have a turn. */
const SAMPLES_PER_TURN = 100_000;

/**
 * A `ReadResponse`, before compression. A database that does not exist holds nothing. It is made in turns, so that a
 * large answer holds nobody up; what is written meanwhile may or may not be in it.
 * @throws VarveError bad_request beyond the limit of samples, unprocessable beyond those of series and bytes, canceled,
 * timeout.
 */
export async function readSamples(
  database: Database | undefined,
  request: ReadRequest,
  limits: Readonly<ReadLimits> = DEFAULT_READ_LIMITS,
  ends: ReadEnds = NEVER,
): Promise<Uint8Array<ArrayBuffer>> {
  const writer = new MessageWriter();
  let count = 0;
  let turnEnds = SAMPLES_PER_TURN;
  for (const query of request.queries) {
    const result = writer.begin(1);
    const walk = new SeriesWalk(database, query, limits.maxSeries);
    checkEnds(ends);
    for (let found = walk.next(); found !== null; found = walk.next()) {
      if (found === 'later') {
        walk.pause();
        await nextTurn();
        checkEnds(ends);
        continue;
      }
      const message = writer.begin(1);
      writeLabels(writer, found.labels);
      if (query.func !== SERIES_ONLY) {
        writeSamples(writer, found.samples);
        count += found.samples.timesMs.length;
      }
      writer.end(message);
      if (limits.maxSamples > 0 && count > limits.maxSamples) {
        throw new VarveError('bad_request', `exceeded sample limit (${limits.maxSamples})`);
      }
      if (limits.maxBytes > 0 && writer.length > limits.maxBytes) {
        throw new VarveError('unprocessable', `remote read would need more than the limit of ${limits.maxBytes} bytes`);
      }
      if (count < turnEnds) continue;
      turnEnds = count + SAMPLES_PER_TURN;
      walk.pause();
      await nextTurn();
      checkEnds(ends);
    }
    writer.end(result);
  }
  return writer.take();
}

function writeLabels(writer: MessageWriter, { names, values }: Labels): void {
  for (let i = 0; i < names.length; i++) {
    const label = writer.begin(1);
    writer.textField(1, names[i]);
    writer.textField(2, values[i]);
    writer.end(label);
  }
}

function writeSamples(writer: MessageWriter, { timesMs, values }: Samples): void {
  const words = wordsOf(values);
  for (let i = 0; i < timesMs.length; i++) {
    // A sample is never longer than 20 bytes, so its length is one byte.
    writer.varint(SAMPLE_TAG);
    const lengthAt = writer.length;
    writer.varint(0);
    writer.fixed64Field(1, words[2 * i], words[2 * i + 1]);
    writer.int64Field(2, timesMs[i]);
    writer.bytes[lengthAt] = writer.length - lengthAt - 1;
  }
}

/**
 * The frames of a stream. Any time may pass between two calls of `next`; what is written meanwhile may or may not be in
 * later frames.
 */
export class ChunkStream {
  private readonly database: Database | undefined;
  private readonly request: ReadRequest;
  private readonly limits: Readonly<ReadLimits>;
  private readonly frames = new MessageWriter();
  private readonly message = new MessageWriter();
  private query = 0;
  private walk: SeriesWalk | null = null;
  /** What is left of a series that did not fit its last frame. */
  private rest: (SeriesSamples & { from: number }) | null = null;

  constructor(
    database: Database | undefined,
    request: ReadRequest,
    limits: Readonly<ReadLimits> = DEFAULT_READ_LIMITS,
  ) {
    this.database = database;
    this.request = request;
    this.limits = limits;
  }

  /**
   * The next frames, together at least `atLeastBytes` unless the stream ends, or others should have a turn first; null at
   * its end. The caller owns them.
   * @throws VarveError unprocessable when too many series match.
   */
  next(atLeastBytes = 65_536): Uint8Array<ArrayBuffer> | null {
    const { frames, request, database } = this;
    frames.reset();
    while (frames.length < atLeastBytes && this.query < request.queries.length) {
      const query = request.queries[this.query];
      if (this.rest === null) {
        this.walk ??= new SeriesWalk(database, query, this.limits.maxSeries);
        const found = this.walk.next();
        if (found === 'later') {
          this.walk.pause();
          return frames.take();
        }
        if (found === null) {
          this.walk = null;
          this.query++;
          continue;
        }
        this.rest = { ...found, from: 0 };
      }
      this.writeFrame(query.func === SERIES_ONLY);
    }
    this.walk?.pause();
    return frames.length === 0 ? null : frames.take();
  }

  /** Writes a frame of the series in `rest`, and takes from `rest` what it holds. */
  private writeFrame(seriesOnly: boolean): void {
    const { message, frames } = this;
    const rest = this.rest!;
    const { timesMs, values } = rest.samples;
    message.reset();
    const series = message.begin(1);
    writeLabels(message, rest.labels);
    const words = wordsOf(values);
    while (!seriesOnly && rest.from < timesMs.length && message.length < this.limits.frameBytes) {
      const to = Math.min(timesMs.length, rest.from + SAMPLES_PER_CHUNK);
      const chunk = message.begin(2);
      message.int64Field(1, timesMs[rest.from]);
      message.int64Field(2, timesMs[to - 1]);
      message.int64Field(3, 1);
      message.bytesField(4, encodeXorChunk(timesMs, words, rest.from, to));
      message.end(chunk);
      rest.from = to;
    }
    message.end(series);
    if (this.query > 0) message.int64Field(2, this.query);
    if (seriesOnly || rest.from === timesMs.length) this.rest = null;

    const bytes = message.view8();
    frames.varint(bytes.length);
    const checksum = crc32c(bytes);
    frames.reserve(4 + bytes.length);
    for (let shift = 24; shift >= 0; shift -= 8) frames.bytes[frames.length++] = (checksum >>> shift) & 255;
    frames.bytes.set(bytes, frames.length);
    frames.length += bytes.length;
  }
}
