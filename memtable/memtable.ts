/**
 * The memtable: recent rows of one database, by series, until a flush writes them to files.
 *
 * 1. Every series has a chain of chunks, newest first; `heads[ref]` points at the newest. A chunk belongs to one
 *    partition and one shape and holds rows one after the other: the time (ns since the partition's start), then one
 *    double per field of the shape.
 * 2. A row is appended to the newest chunk when partition and shape match and there is room; else to a matching chunk
 *    among the few newest; else to a new chunk, a quarter larger than the series' last one up to about a memory page.
 *    So a series with one row costs a few dozen bytes, and a busy one is contiguous. Going back stops at a chunk of
 *    the same partition that shares a field with the row, so that the chain's order is the order of arrival for every
 *    field: the last write of a timestamp wins.
 * 3. Rows are kept as they came: order and duplicates are sorted out when a series is read (memtable/read.ts).
 *
 * There is no JavaScript object per series or per chunk: all state is in shared typed arrays.
 *
 * Chunk: a header of six words, then `capacity` rows of `1 + width` doubles.
 */
import { type Batch, BOX_STRING, BOX_WIDE } from '../batch/batch.ts';
import { STRING } from '../batch/field-type.ts';
import type { Shape } from '../index/shapes.ts';
import { Arena, type ArenaView, SLAB_BITS, SLAB_MASK } from './arena.ts';
import { SideValues, type SideValuesView } from './side-values.ts';

/** Words of a chunk's header. */
const CHUNK_CAPACITY = 0;
export const CHUNK_ROWS = 1;
export const CHUNK_SHAPE = 2;
export const CHUNK_PARTITION = 3;
/** Pointer of the next older chunk of the series, 0 at the end. */
export const CHUNK_OLDER = 4;
/** 1 while the chunk's times ascend strictly. */
export const CHUNK_SORTED = 5;
export const CHUNK_HEADER_DOUBLES = 3;

const FIRST_ROWS = 2;
const CHUNK_BYTES = 4096;
/** How many chunks back an append looks for one of its partition and shape with room. */
const SEARCH_DEPTH = 8;

/** What another thread needs to read a memtable. */
export interface MemtableView {
  arena: ArenaView;
  side: SideValuesView;
  /** [ref] newest chunk of a series, 0 when it has none. */
  heads: Int32Array;
}

/** What is in one partition. */
export interface PartitionCount {
  rows: number;
  minOffsetNs: number;
  maxOffsetNs: number;
}

export class Memtable implements MemtableView {
  readonly arena = new Arena();
  readonly side = new SideValues();
  heads: Int32Array;
  /** Partition number (start ÷ duration) → what it holds. */
  readonly partitions = new Map<number, PartitionCount>();
  /** Ids of the shapes that occur. */
  readonly shapeIds = new Set<number>();
  rows = 0;
  values = 0;
  readonly partitionDurationSec: number;
  /** Pair of shape ids → whether they have a field in common. */
  private readonly sharing = new Map<number, boolean>();

  constructor(partitionDurationSec: number, refLimit = 1024) {
    this.partitionDurationSec = partitionDurationSec;
    this.heads = new Int32Array(new SharedArrayBuffer(Math.max(1024, refLimit) * 4));
  }

  /** Bytes of memory held. */
  get bytes(): number {
    return this.arena.bytes + this.side.bytes + this.heads.byteLength;
  }

  /** Gives the memory back, once its rows are in files and no reader is left. */
  release(): void {
    this.arena.release();
  }

  /** A structured-cloneable view; the memory is shared, not copied. */
  view(): MemtableView {
    return {
      arena: { slabs: this.arena.slabs, words: this.arena.words },
      side: { wide: this.side.wide, stringOffsets: this.side.stringOffsets, strings: this.side.strings },
      heads: this.heads,
    };
  }

  /** Appends all rows of a batch. `shapes` are the index's, by id; refs are below `refLimit`. */
  append(batch: Batch, shapes: readonly Shape[], refLimit: number): void {
    if (refLimit > this.heads.length) this.growHeads(refLimit);
    this.rows += batch.rows;
    this.values += batch.valueCount;
    const { rows, sec, nano } = batch;
    const duration = this.partitionDurationSec;
    let counted: PartitionCount | null = null;
    let countedPartition = 0;
    for (let r = 0; r < rows; ) {
      const end = endOfTime(batch, r);
      const partition = Math.floor(sec[r] / duration);
      const offsetNs = (sec[r] - partition * duration) * 1e9 + nano[r];
      if (counted === null || partition !== countedPartition) {
        counted = this.countOf(partition);
        countedPartition = partition;
      }
      counted.rows += end - r;
      if (offsetNs < counted.minOffsetNs) counted.minOffsetNs = offsetNs;
      if (offsetNs > counted.maxOffsetNs) counted.maxOffsetNs = offsetNs;
      this.appendRows(batch, r, end, partition, offsetNs, shapes);
      r = end;
    }
  }

  /**
   * Appends rows of one time. Nothing stands behind the loop, and none within it: V8 compiles a loop that runs long while it
   * runs, and would throw that code away at what it has not seen run, each time anew.
   */
  private appendRows(
    batch: Batch,
    start: number,
    end: number,
    partition: number,
    offsetNs: number,
    shapes: readonly Shape[],
  ): void {
    const boxed = batch.wideCount > 0 || batch.stringCount > 0;
    const { slabs, words } = this.arena;
    const { series, shape, valueStart, values } = batch;
    const heads = this.heads;
    let shapeId = -1;
    let width = 0;
    for (let r = start; r < end; r++) {
      const ref = series[r];
      if (shape[r] !== shapeId) {
        shapeId = shape[r];
        width = shapes[shapeId].width;
      }
      let pointer = heads[ref];
      let w = words[pointer >>> SLAB_BITS];
      let h = (pointer & SLAB_MASK) * 2;
      if (
        pointer === 0 ||
        w[h + CHUNK_PARTITION] !== partition ||
        w[h + CHUNK_SHAPE] !== shapeId ||
        w[h + CHUNK_ROWS] === w[h + CHUNK_CAPACITY]
      ) {
        pointer = this.chunkFor(ref, partition, shapeId, shapes);
        w = words[pointer >>> SLAB_BITS];
        h = (pointer & SLAB_MASK) * 2;
      }
      const slab = slabs[pointer >>> SLAB_BITS];
      const row = w[h + CHUNK_ROWS]++;
      const at = (pointer & SLAB_MASK) + CHUNK_HEADER_DOUBLES + row * (width + 1);
      if (row > 0 && slab[at - width - 1] >= offsetNs) w[h + CHUNK_SORTED] = 0;
      slab[at] = offsetNs;
      if (boxed) this.copyBoxed(batch, valueStart[r], shapes[shapeId], pointer >>> SLAB_BITS, at + 1);
      else copyValues(values, valueStart[r], slab, at + 1, width);
    }
  }

  /** Copies one row's values, moving boxed ones into this memtable's side tables. */
  private copyBoxed(batch: Batch, from: number, shape: Shape, slabIndex: number, at: number): void {
    const words = this.arena.words[slabIndex];
    for (let i = 0; i < shape.width; i++) {
      let low = batch.bits[2 * (from + i)];
      const high = batch.bits[2 * (from + i) + 1];
      const type = shape.types[i];
      if (type === STRING) {
        low = this.side.addString(batch.strings, batch.stringOffsets[low], batch.stringOffsets[low + 1]);
      } else if (type !== 0 && high === BOX_WIDE) {
        low = this.side.addWide(batch.wide[low]);
      }
      words[2 * (at + i)] = low;
      words[2 * (at + i) + 1] = type === STRING ? BOX_STRING : high;
    }
  }

  /** A chunk with room for one more row, found or made; a found one becomes no newer than it was. */
  private chunkFor(ref: number, partition: number, shapeId: number, shapes: readonly Shape[]): number {
    const width = shapes[shapeId].width;
    const words = this.arena.words;
    let rows = FIRST_ROWS;
    let pointer = this.heads[ref];
    for (let depth = 0; pointer !== 0 && depth < SEARCH_DEPTH; depth++) {
      const w = words[pointer >>> SLAB_BITS];
      const h = (pointer & SLAB_MASK) * 2;
      if (w[h + CHUNK_PARTITION] === partition) {
        if (w[h + CHUNK_SHAPE] === shapeId) {
          if (w[h + CHUNK_ROWS] < w[h + CHUNK_CAPACITY]) return pointer;
          rows = Math.min(
            grown(w[h + CHUNK_CAPACITY]),
            Math.max(FIRST_ROWS, Math.floor(CHUNK_BYTES / (8 * (width + 1)))),
          );
          break;
        }
        if (this.shareField(shapes[shapeId], shapes[w[h + CHUNK_SHAPE]])) break;
      }
      pointer = w[h + CHUNK_OLDER];
    }
    const made = this.arena.allocate(CHUNK_HEADER_DOUBLES + rows * (width + 1));
    const w = words[made >>> SLAB_BITS];
    const h = (made & SLAB_MASK) * 2;
    w[h + CHUNK_CAPACITY] = rows;
    w[h + CHUNK_ROWS] = 0;
    w[h + CHUNK_SHAPE] = shapeId;
    w[h + CHUNK_PARTITION] = partition;
    w[h + CHUNK_OLDER] = this.heads[ref];
    w[h + CHUNK_SORTED] = 1;
    this.heads[ref] = made;
    this.shapeIds.add(shapeId);
    return made;
  }

  private shareField(a: Shape, b: Shape): boolean {
    const pair = a.id * 4294967296 + b.id;
    let shared = this.sharing.get(pair);
    if (shared === undefined) {
      shared = a.fields.some((field) => b.fields.includes(field));
      this.sharing.set(pair, shared);
    }
    return shared;
  }

  private countOf(partition: number): PartitionCount {
    let count = this.partitions.get(partition);
    if (count === undefined) {
      count = { rows: 0, minOffsetNs: Number.POSITIVE_INFINITY, maxOffsetNs: Number.NEGATIVE_INFINITY };
      this.partitions.set(partition, count);
    }
    return count;
  }

  private growHeads(refLimit: number): void {
    const grown = new Int32Array(new SharedArrayBuffer(Math.max(refLimit, this.heads.length * 2) * 4));
    grown.set(this.heads);
    this.heads = grown;
  }
}

/**
 * Rows of the chunk after one of so many. Series that grow alike get their chunks together, so doubling would fill the
 * memory with free room.
 */
function grown(rows: number): number {
  return rows + Math.max(1, rows >> 2);
}

/** The first row behind row `r` that has another time. */
function endOfTime({ rows, sec, nano }: Batch, r: number): number {
  const s = sec[r];
  const n = nano[r];
  let end = r + 1;
  while (end < rows && sec[end] === s && nano[end] === n) end++;
  return end;
}

function copyValues(values: Float64Array, from: number, slab: Float64Array, at: number, width: number): void {
  for (let i = 0; i < width; i++) slab[at + i] = values[from + i];
}
