/**
 * The key table: from the bytes of a key, or of an alias, to the ref of its series.
 *
 * Open addressing with linear probing over one `Int32Array` of (hash, arena offset) pairs; offset 0 is an empty slot.
 * 1. A lookup compares the stored hash first and touches the arena only when it is equal, so it costs about two cache
 *    misses: the slot and the record.
 * 2. Growth doubles the pairs and reinserts by the stored hash: keys are neither read nor copied.
 * 3. Removal shifts the following entries of the probe run back instead of leaving a tombstone, so lookups do not slow
 *    down over generations of series.
 *
 * Invariant: at most 3/4 of the slots are taken, so every probe run ends.
 */
import type { KeyArena } from './arena.ts';

const INITIAL_SLOTS = 256;

export class KeyTable {
  private arena: KeyArena;
  private pairs = new Int32Array(INITIAL_SLOTS * 2);
  /** Index mask over `pairs`: even positions within it. */
  private mask = INITIAL_SLOTS * 2 - 1;
  /** Entries: canonical keys and aliases. */
  count = 0;

  constructor(arena: KeyArena) {
    this.arena = arena;
  }

  /** The ref whose key or alias is `bytes[start .. end)`, or -1. Allocates nothing. */
  find(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const pairs = this.pairs;
    const mask = this.mask;
    let i = (hash << 1) & mask;
    for (;;) {
      const offset = pairs[i + 1];
      if (offset === 0) return -1;
      if (pairs[i] === hash) {
        const ref = this.arena.refIfEqual(offset, bytes, start, end);
        if (ref >= 0) return ref;
      }
      i = (i + 2) & mask;
    }
  }

  /** Adds a record that is in the arena and not in the table. */
  insert(hash: number, offset: number): void {
    if ((this.count + 1) * 8 > this.pairs.length * 3) this.resize(this.pairs.length);
    this.count++;
    this.place(hash, offset);
  }

  /** Takes a record out. It must be in. `hash` is that of the record's bytes. */
  remove(hash: number, offset: number): void {
    const pairs = this.pairs;
    const mask = this.mask;
    let hole = (hash << 1) & mask;
    while (pairs[hole + 1] !== offset) {
      if (pairs[hole + 1] === 0) throw new Error('BUG: a key to remove is not in the key table');
      hole = (hole + 2) & mask;
    }
    let i = hole;
    for (;;) {
      i = (i + 2) & mask;
      if (pairs[i + 1] === 0) break;
      const home = (pairs[i] << 1) & mask;
      // The entry may move into the hole unless its home lies cyclically after the hole.
      if (((i - home) & mask) >= ((i - hole) & mask)) {
        pairs[hole] = pairs[i];
        pairs[hole + 1] = pairs[i + 1];
        hole = i;
      }
    }
    pairs[hole] = 0;
    pairs[hole + 1] = 0;
    this.count--;
  }

  /** Makes room for `count` entries in all, so that a bulk load does not grow step by step. */
  reserve(count: number): void {
    let slots = this.pairs.length >> 1;
    while (count * 4 > slots * 3) slots *= 2;
    if (slots * 2 > this.pairs.length) this.resize(slots);
  }

  /** Follows a compaction: every offset becomes what `forward(offset)` says, records now live in `arena`. */
  moveTo(arena: KeyArena, forward: (offset: number) => number): void {
    this.arena = arena;
    const pairs = this.pairs;
    for (let i = 1; i < pairs.length; i += 2) if (pairs[i] !== 0) pairs[i] = forward(pairs[i]);
    let slots = INITIAL_SLOTS;
    while (this.count * 2 > slots) slots *= 2;
    if (slots * 4 <= pairs.length) this.resize(slots);
  }

  get memoryBytes(): number {
    return this.pairs.byteLength;
  }

  private place(hash: number, offset: number): void {
    const pairs = this.pairs;
    const mask = this.mask;
    let i = (hash << 1) & mask;
    while (pairs[i + 1] !== 0) i = (i + 2) & mask;
    pairs[i] = hash;
    pairs[i + 1] = offset;
  }

  private resize(slots: number): void {
    const old = this.pairs;
    this.pairs = new Int32Array(slots * 2);
    this.mask = slots * 2 - 1;
    for (let i = 0; i < old.length; i += 2) if (old[i + 1] !== 0) this.place(old[i], old[i + 1]);
  }
}
