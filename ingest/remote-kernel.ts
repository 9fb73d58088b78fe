/**
 * The kernel of remote write (kernel/remote-kernel.ts, as WebAssembly) and its memory: one for the process, as everything
 * in it is done within a turn of the event loop.
 *
 *     0          the kernel's own
 *     64 KiB     columns of rows: refs, shapes, seconds, nanoseconds, values
 *     320 KiB    a packed body
 *     …          it unpacked: valid until the next one
 *     …          records of series, up to 24 MiB of them; the first of them belongs to no series
 *
 * Pages that were never touched cost nothing. Memory grows before a body is unpacked and at no other time, because
 * growing detaches all views.
 *
 * Without remote-kernel.wasm, or with one of before, in sources that were not built, everything goes the way in plain
 * JavaScript.
 */
import { readFileSync } from 'node:fs';
import { damagedBlock, unpackedLength, unpackSnappy } from './snappy-block.ts';

/** What the kernel says of itself when it belongs to this file. */
const VERSION = 2;
const PAGE_BYTES = 64 << 10;
/** Rows that the columns have room for, as the kernel has it. */
const CAPACITY = 8192;
const REFS_AT = 64 << 10;
const SHAPES_AT = REFS_AT + 4 * CAPACITY;
const SECONDS_AT = SHAPES_AT + 4 * CAPACITY;
const NANOS_AT = SECONDS_AT + 8 * CAPACITY;
const VALUES_AT = NANOS_AT + 4 * CAPACITY;
const PACKED_AT = 320 << 10;
/** Larger bodies are rare, and unpacked elsewhere. */
const MAX_PACKED_BYTES = 5 << 20;
const MAX_BODY_BYTES = 4 << 20;
/** The kernel moves 16 bytes at a time, some of which lie behind what it moves. */
const SLACK_BYTES = PAGE_BYTES;
const BODY_AT = PACKED_AT + MAX_PACKED_BYTES + SLACK_BYTES;
const RECORDS_AT = BODY_AT + MAX_BODY_BYTES + SLACK_BYTES;
const MAX_RECORD_BYTES = 24 << 20;
const GROWTH_BYTES = 2 << 20;

/** A record: the next one, ref, shape, length of the key, the key. */
const HEADER_BYTES = 16;
const MIN_KEY_BYTES = 16;

interface KernelExports {
  unpack(block: number, end: number, out: number, outEnd: number): number;
  decode(
    from: number,
    end: number,
    before: number,
    refs: number,
    shapes: number,
    seconds: number,
    nanos: number,
    values: number,
  ): void;
  readonly version?: { value: number };
  readonly position: { value: number };
  readonly record: { value: number };
  readonly series: { value: number };
  readonly rows: { value: number };
  readonly isFull: { value: number };
}

/** Rows that were recognised: row i is `refs[i]` and so on. */
export interface RecognisedRows {
  readonly refs: Int32Array;
  readonly shapes: Int32Array;
  readonly seconds: Float64Array;
  readonly nanos: Int32Array;
  /** Values as (low, high) pairs of words. */
  readonly bits: Int32Array;
}

class RemoteKernel {
  readonly exports: KernelExports;
  readonly memory = new WebAssembly.Memory({
    initial: RECORDS_AT / PAGE_BYTES + GROWTH_BYTES / PAGE_BYTES,
    maximum: (RECORDS_AT + MAX_RECORD_BYTES) / PAGE_BYTES,
  });
  bytes = new Uint8Array(this.memory.buffer);
  words = new Int32Array(this.memory.buffer);
  columns = this.viewColumns();
  /** Counts how often all records were forgotten: those of an older generation are no more. */
  generation = 0;
  private top = RECORDS_AT + HEADER_BYTES;
  private kept = 0;
  private notKept = 0;

  constructor(module: Uint8Array) {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(module), { env: { memory: this.memory } });
    this.exports = instance.exports as unknown as KernelExports;
  }

  /** Makes room for the records of all series that a body of this length can have. */
  makeRoom(bodyBytes: number): void {
    const want = this.top + 2 * bodyBytes + HEADER_BYTES;
    const size = this.bytes.length;
    const largest = RECORDS_AT + MAX_RECORD_BYTES;
    if (want > size && size < largest) {
      const bytes = Math.min(largest - size, Math.ceil((want - size) / GROWTH_BYTES) * GROWTH_BYTES);
      this.memory.grow(bytes / PAGE_BYTES);
      this.bytes = new Uint8Array(this.memory.buffer);
      this.words = new Int32Array(this.memory.buffer);
      this.columns = this.viewColumns();
    } else if (this.notKept > 4 * this.kept) {
      // Records are full of series that do not come any more.
      this.generation++;
      this.top = RECORDS_AT + HEADER_BYTES;
      this.kept = 0;
      this.notKept = 0;
    }
  }

  /** A new record, with nothing after it; 0 when there is no room, or the key is too short. */
  addRecord(ref: number, shape: number, keyAt: number, keyBytes: number): number {
    const record = this.top;
    const end = record + HEADER_BYTES + ((keyBytes + 15) & ~15);
    if (end > this.bytes.length) this.notKept++;
    if (end > this.bytes.length || keyBytes < MIN_KEY_BYTES) return 0;
    const word = record >> 2;
    this.words[word] = 0;
    this.words[word + 1] = ref;
    this.words[word + 2] = shape;
    this.words[word + 3] = keyBytes;
    this.bytes.copyWithin(record + HEADER_BYTES, keyAt, keyAt + keyBytes);
    this.top = end;
    this.kept++;
    return record;
  }

  private viewColumns(): RecognisedRows {
    const { buffer } = this.memory;
    return {
      refs: new Int32Array(buffer, REFS_AT, CAPACITY),
      shapes: new Int32Array(buffer, SHAPES_AT, CAPACITY),
      seconds: new Float64Array(buffer, SECONDS_AT, CAPACITY),
      nanos: new Int32Array(buffer, NANOS_AT, CAPACITY),
      bits: new Int32Array(buffer, VALUES_AT, 2 * CAPACITY),
    };
  }
}

let loaded: RemoteKernel | null | undefined;

/** Null in sources that were not built. */
function remoteKernel(): RemoteKernel | null {
  if (loaded === undefined) {
    try {
      loaded = new RemoteKernel(readFileSync(new URL('./kernel/remote-kernel.wasm', import.meta.url)));
      if (loaded.exports.version?.value !== VERSION) loaded = null;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      loaded = null;
    }
  }
  return loaded;
}

/**
 * Unpacks a snappy block of at most `maxBytes`. The bytes are valid until the next call: decode them at once.
 * @throws VarveError body_too_large (declares more), bad_request (not a block, or damaged).
 */
export function unpackBody(block: Uint8Array, maxBytes: number): Uint8Array {
  const kernel = remoteKernel();
  if (kernel === null || block.length > MAX_PACKED_BYTES) return unpackSnappy(block, maxBytes);
  const length = unpackedLength(block, maxBytes);
  if (length > MAX_BODY_BYTES) return unpackSnappy(block, maxBytes);
  kernel.makeRoom(length);
  kernel.bytes.set(block, PACKED_AT);
  let at = 0;
  while (block[at++] >= 128);
  const end = PACKED_AT + block.length;
  if (kernel.exports.unpack(PACKED_AT + at, end, BODY_AT, BODY_AT + length) === 0) throw damagedBlock();
  return new Uint8Array(kernel.memory.buffer, BODY_AT, length);
}

/**
 * Series of one index in the order in which they came, recognised by the bytes with which their messages begin.
 *
 * Refs are only as good as the index that gave them: `reset` must be called when it forgets series.
 */
export class SeriesChain {
  /** [ref] its record, 0 none. */
  private records = new Int32Array(256);
  private last = RECORDS_AT;
  private generation = -1;
  private readonly kernel: RemoteKernel;
  /** Series and rows that `recognise` found, and whether it stopped because the columns were full. */
  series = 0;
  rows = 0;
  isFull = false;

  constructor(kernel: RemoteKernel) {
    this.kernel = kernel;
  }

  /** Forgets everything. */
  reset(): void {
    this.records.fill(0);
    this.last = RECORDS_AT;
    this.generation = this.kernel.generation;
  }

  /**
   * Goes over the series of a body from offset `from` to `end` as long as they are the expected ones with plain samples
   * only. `series` and `rows` say how much that was, `columns` holds the rows.
   * @returns the offset of the first series that is not; or, when `isFull`, of the next one to go on with.
   */
  recognise(from: number, end: number): number {
    const { exports } = this.kernel;
    exports.decode(BODY_AT + from, BODY_AT + end, this.last, REFS_AT, SHAPES_AT, SECONDS_AT, NANOS_AT, VALUES_AT);
    this.last = exports.record.value;
    this.series = exports.series.value;
    this.rows = exports.rows.value;
    this.isFull = exports.isFull.value !== 0 && this.series > 0;
    return exports.position.value - BODY_AT;
  }

  /**
   * Notes that a series came after the last one. Its labels are at `start .. end` of the body; the tag of a sample stands
   * behind them.
   */
  learn(ref: number, shape: number, start: number, end: number): void {
    if (ref >= this.records.length) {
      const grown = new Int32Array(Math.max(ref + 1, 2 * this.records.length));
      grown.set(this.records);
      this.records = grown;
    }
    let record = this.records[ref];
    if (record === 0) {
      record = this.records[ref] = this.kernel.addRecord(ref, shape, BODY_AT + start, end + 1 - start);
    }
    if (record !== 0 && this.last !== RECORDS_AT) this.kernel.words[this.last >> 2] = record;
    this.last = record === 0 ? RECORDS_AT : record;
  }

  get columns(): RecognisedRows {
    return this.kernel.columns;
  }

  /** The chain, ready for a body that `unpackBody` gave; null for bytes from elsewhere. */
  begin(bytes: Uint8Array): SeriesChain | null {
    if (bytes.buffer !== this.kernel.memory.buffer) return null;
    if (this.generation !== this.kernel.generation) this.reset();
    return this;
  }
}

/** A chain for an index; null in sources that were not built. */
export function newSeriesChain(): SeriesChain | null {
  const kernel = remoteKernel();
  return kernel === null ? null : new SeriesChain(kernel);
}
