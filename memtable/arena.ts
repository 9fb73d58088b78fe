/**
 * Memory of a memtable: doubles in slabs of shared memory, so that a flush worker reads them where they are.
 *
 * A pointer is a global index of a double: `slab << SLAB_BITS | offset`. Pointer 0 is never handed out and means
 * "none". Space is only ever appended; it is given back all at once, when the memtable is dropped. A slab that is used
 * again is not cleared: whoever allocates writes every word that will be read.
 */

export const SLAB_BITS = 17;
/** Doubles per slab: 1 MiB. */
const SLAB_DOUBLES = 1 << SLAB_BITS;
export const SLAB_MASK = SLAB_DOUBLES - 1;

/** Slabs given back, to be used again: the next memtable fills the pages that the last one touched. */
const free: SharedArrayBuffer[] = [];
const FREE_SLABS = 64;

/** The slabs of an arena, as another thread may read them. */
export interface ArenaView {
  /** [slab] doubles. */
  slabs: Float64Array[];
  /** [slab] the same memory as (low, high) words. */
  words: Int32Array[];
}

export class Arena implements ArenaView {
  readonly slabs: Float64Array[] = [];
  readonly words: Int32Array[] = [];
  private used = SLAB_DOUBLES;

  /** Bytes of shared memory held. */
  get bytes(): number {
    return this.slabs.length * SLAB_DOUBLES * 8;
  }

  /** Room for `doubles` contiguous doubles, at most `SLAB_DOUBLES`; returns a pointer. */
  allocate(doubles: number): number {
    if (this.used + doubles > SLAB_DOUBLES) {
      const memory = free.pop() ?? new SharedArrayBuffer(SLAB_DOUBLES * 8);
      this.slabs.push(new Float64Array(memory));
      this.words.push(new Int32Array(memory));
      this.used = this.slabs.length === 1 ? 1 : 0;
    }
    const pointer = (this.slabs.length - 1) * SLAB_DOUBLES + this.used;
    this.used += doubles;
    return pointer;
  }

  /** Gives all slabs back. Nobody may read the arena, or a view of it, afterwards. */
  release(): void {
    for (const slab of this.slabs) if (free.length < FREE_SLABS) free.push(slab.buffer as SharedArrayBuffer);
    this.slabs.length = 0;
    this.words.length = 0;
    this.used = SLAB_DOUBLES;
  }
}
