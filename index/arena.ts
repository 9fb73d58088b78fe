/**
 * The key arena: the bytes by which series are found, in slabs of shared memory, append-only.
 *
 * A record is one name of one series: its canonical key, or an alias (the same series spelled differently). Records of
 * one series form a list through `next`, headed by the canonical key.
 *
 *      word 0   ref of the series
 *      word 1   offset of the series' next record, 0 at the end; the only word that ever changes
 *      word 2   length of the bytes
 *      then     the bytes, padded to whole words
 *
 * Invariants
 * - An offset counts 32-bit words from the arena's start: slab number · SLAB_WORDS + word within it. 0 is no record.
 * - A record never crosses slabs, and slabs are never moved or reused, so a worker thread that got the slabs and an
 *   offset by a message reads the bytes without a lock for as long as it holds them.
 * - Growth adds a slab and copies nothing.
 */
import { VarveError } from '../errors/errors.ts';

const SLAB_SHIFT = 18;
const SLAB_WORDS = 1 << SLAB_SHIFT;
const SLAB_MASK = SLAB_WORDS - 1;
const SLAB_BYTES = SLAB_WORDS * 4;
const HEADER_WORDS = 3;
/** Bytes before the key's bytes in a record. */
const HEADER_BYTES = HEADER_WORDS * 4;

/** The longest key in bytes, as in InfluxDB. */
export const MAX_KEY_BYTES = 65535;

export class KeyArena {
  /** The slabs as bytes and as words; both views are of the same shared memory. */
  readonly slabBytes: Uint8Array[] = [];
  readonly slabWords: Int32Array[] = [];
  /** Offset where the next record goes. */
  private end = SLAB_WORDS;
  /** Words in records, and words in records that are released. */
  usedWords = 0;
  garbageWords = 0;

  /**
   * Finds room for a record of at most `mostBytes` and returns its offset. The bytes are then written in place, into
   * `slabOf(offset)` from `recordStart(offset)` on, and `close` ends the record before the next one begins.
   */
  open(mostBytes: number): number {
    const words = HEADER_WORDS + ((mostBytes + 3) >> 2);
    if (this.slabWords.length === 0 || (this.end & SLAB_MASK) + words > SLAB_WORDS || (this.end & SLAB_MASK) === 0) {
      this.addSlab();
    }
    return this.end;
  }

  close(offset: number, ref: number, length: number): void {
    const header = this.slabWords[offset >> SLAB_SHIFT];
    const word = offset & SLAB_MASK;
    header[word] = ref;
    header[word + 1] = 0;
    header[word + 2] = length;
    const words = HEADER_WORDS + ((length + 3) >> 2);
    this.end = offset + words;
    this.usedWords += words;
  }

  /** Appends a record and returns its offset. The bytes are copied. */
  append(ref: number, bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length > MAX_KEY_BYTES) {
      throw new VarveError(
        'limit_exceeded',
        `cannot define series: its key has ${length} bytes, more than ${MAX_KEY_BYTES}`,
      );
    }
    const offset = this.open(length);
    const target = this.slabOf(offset);
    let at = this.recordStart(offset);
    for (let i = start; i < end; i++) target[at++] = bytes[i];
    this.close(offset, ref, length);
    return offset;
  }

  ref(offset: number): number {
    return this.slabWords[offset >> SLAB_SHIFT][offset & SLAB_MASK];
  }

  next(offset: number): number {
    return this.slabWords[offset >> SLAB_SHIFT][(offset & SLAB_MASK) + 1];
  }

  setNext(offset: number, next: number): void {
    this.slabWords[offset >> SLAB_SHIFT][(offset & SLAB_MASK) + 1] = next;
  }

  /** The ref of the record when its bytes are `bytes[start .. end)`, else -1. */
  refIfEqual(offset: number, bytes: Uint8Array, start: number, end: number): number {
    const slab = offset >> SLAB_SHIFT;
    const word = offset & SLAB_MASK;
    const header = this.slabWords[slab];
    const length = end - start;
    if (header[word + 2] !== length) return -1;
    const own = this.slabBytes[slab];
    let at = (word << 2) + HEADER_BYTES;
    let i = start;
    for (const whole = end - 3; i < whole; i += 4, at += 4) {
      if (
        ((own[at] ^ bytes[i]) |
          (own[at + 1] ^ bytes[i + 1]) |
          (own[at + 2] ^ bytes[i + 2]) |
          (own[at + 3] ^ bytes[i + 3])) !==
        0
      ) {
        return -1;
      }
    }
    for (; i < end; i++) if (own[at++] !== bytes[i]) return -1;
    return header[word];
  }

  /** The slab that holds a record; with `recordStart` and `recordLength` its bytes can be read in place. */
  slabOf(offset: number): Uint8Array {
    return this.slabBytes[offset >> SLAB_SHIFT];
  }

  recordStart(offset: number): number {
    return ((offset & SLAB_MASK) << 2) + HEADER_BYTES;
  }

  recordLength(offset: number): number {
    return this.slabWords[offset >> SLAB_SHIFT][(offset & SLAB_MASK) + 2];
  }

  /** A copy of a record's bytes in unshared memory. */
  copy(offset: number): Uint8Array {
    return viewRecord(this.slabBytes, this.slabWords, offset).slice();
  }

  /** Counts a record's words as garbage. Its bytes stay readable until the arena is replaced by a compacted one. */
  release(offset: number): void {
    this.garbageWords += HEADER_WORDS + ((this.recordLength(offset) + 3) >> 2);
  }

  get memoryBytes(): number {
    return this.slabWords.length * SLAB_BYTES;
  }

  private addSlab(): void {
    const memory = new SharedArrayBuffer(SLAB_BYTES);
    // The first slab begins with a word that is no record, so that offset 0 is free to mean "none".
    this.end = this.slabWords.length * SLAB_WORDS + (this.slabWords.length === 0 ? 1 : 0);
    this.slabBytes.push(new Uint8Array(memory));
    this.slabWords.push(new Int32Array(memory));
  }
}

/** The record's bytes where they are; usable on any thread that holds the slabs. */
export function viewRecord(slabBytes: Uint8Array[], slabWords: Int32Array[], offset: number): Uint8Array {
  const slab = offset >> SLAB_SHIFT;
  const word = offset & SLAB_MASK;
  const start = (word << 2) + HEADER_BYTES;
  return slabBytes[slab].subarray(start, start + slabWords[slab][word + 2]);
}
