/**
 * A dictionary: byte strings interned as small dense ids, with the number of series that use each.
 *
 * One holds the measurement names, one the tag keys, and every tag key has its own for its values, so that value ids of
 * a key are dense: postings are counted over them, and a regular expression is tried once per value.
 *
 * Bytes lie in one growing buffer, each string behind a 16-bit length. The hash table holds ids only; the hash of each
 * id is kept beside it. After a load the table is built when it is first asked.
 *
 * Invariants
 * - `counts[id]` is the number of live series with the value. A value whose count fell to zero keeps its id, and is
 *   found again, until `free(id)`; after that the id may stand for another string.
 * - `starts[id]` is -1 for an id that is free.
 */

import { sortByBytes } from './byte-sort.ts';
import { finishHash, HASH_PRIME, HASH_SEED, hashBytes } from './hash.ts';
import { grownInt32, Int32List } from './int32-list.ts';

const LENGTH_BYTES = 2;
const NO_SLOTS = new Int32Array(0);

export class Dictionary {
  /** All strings; `starts[id]` is where the 16-bit length of a string lies. */
  bytes = new Uint8Array(64);
  starts: Int32Array = new Int32Array(8);
  /** While an index is loaded: whether some string has bytes that a key escapes. */
  mayNeedEscape = false;
  /** Series per id. */
  counts: Int32Array = new Int32Array(8);
  /** Ids are below this. */
  limit = 0;
  /** Ids with a count above zero. */
  live = 0;
  /** Sum of all counts. */
  total = 0;
  /** Ids given since the index was last saved. */
  readonly unsaved = new Int32List(4);
  private hashes: Int32Array = new Int32Array(8);
  /** Open addressing; an id + 1, or 0. Empty until first needed after a load. */
  private slots: Int32Array = new Int32Array(16);
  private slotsTaken = 0;
  private used = 0;
  private garbage = 0;
  private readonly freeIds = new Int32List(4);
  private sorted: Int32Array | null = null;
  private text: Buffer = Buffer.from(this.bytes.buffer);

  /** The id of a string, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    return this.lookup(bytes, start, end, hashBytes(bytes, start, end));
  }

  /** The id of a string, a new one if need be. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    let h = HASH_SEED;
    for (let i = start; i < end; i++) h = Math.imul(h ^ bytes[i], HASH_PRIME);
    h = finishHash(h);
    const known = this.lookup(bytes, start, end, h);
    if (known >= 0) return known;
    const id = this.freeIds.length > 0 ? this.freeIds.pop() : this.limit;
    this.put(id, bytes, start, end, h);
    this.unsaved.push(id);
    return id;
  }

  /** Gives a string a new id, even if it has one: the new one is what it is found by from now on. */
  append(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(bytes, start, end);
    const known = this.lookup(bytes, start, end, hash);
    if (known >= 0) this.unlink(known);
    const id = this.limit;
    this.put(id, bytes, start, end, hash);
    this.unsaved.push(id);
    return id;
  }

  /** Gives an id its string as a saved index says, whatever it was. After the last one comes `finishRestore`. */
  restore(id: number, bytes: Uint8Array, start: number, end: number): void {
    if (id < this.limit && this.starts[id] >= 0) this.garbage += LENGTH_BYTES + this.lengthOf(id);
    this.slots = NO_SLOTS;
    this.put(id, bytes, start, end, 0);
  }

  /** After `restore`s, with `counts` filled: frees the ids without series. The hash table is built when it is needed. */
  finishRestore(): void {
    this.live = 0;
    this.total = 0;
    this.freeIds.clear();
    for (let id = this.limit - 1; id >= 0; id--) {
      if (this.counts[id] > 0) {
        this.live++;
        this.total += this.counts[id];
        continue;
      }
      if (this.starts[id] >= 0) this.garbage += LENGTH_BYTES + this.lengthOf(id);
      this.starts[id] = -1;
      this.freeIds.push(id);
    }
    if (this.garbage * 2 > this.used) this.compact();
  }

  /** So many more series have the value. */
  addSeriesCount(id: number, count: number): void {
    if (count === 0) return;
    if (this.counts[id] === 0) {
      this.live++;
      this.sorted = null;
    }
    this.counts[id] += count;
    this.total += count;
  }

  /** One more series has the value. */
  addSeries(id: number): void {
    if (this.counts[id]++ === 0) {
      this.live++;
      this.sorted = null;
    }
    this.total++;
  }

  /** One series less has the value. */
  removeSeries(id: number): void {
    if (--this.counts[id] === 0) {
      this.live--;
      this.sorted = null;
    }
    this.total--;
  }

  /** Gives an id back when no series has its value; a no-op otherwise. */
  free(id: number): void {
    if (this.counts[id] !== 0 || this.starts[id] < 0) return;
    this.unlink(id);
    this.garbage += LENGTH_BYTES + this.lengthOf(id);
    this.starts[id] = -1;
    this.freeIds.push(id);
    if (this.garbage > 4096 && this.garbage * 2 > this.used) this.compact();
  }

  startOf(id: number): number {
    return this.starts[id] + LENGTH_BYTES;
  }

  lengthOf(id: number): number {
    const at = this.starts[id];
    return this.bytes[at] | (this.bytes[at + 1] << 8);
  }

  /** The string of an id; bytes that are not UTF-8 show as U+FFFD. */
  string(id: number): string {
    const start = this.starts[id] + LENGTH_BYTES;
    return this.text.toString('utf8', start, start + this.lengthOf(id));
  }

  /** The bytes of an id, without a copy: valid until the dictionary changes. */
  slice(id: number): Uint8Array {
    const start = this.starts[id] + LENGTH_BYTES;
    return this.bytes.subarray(start, start + this.lengthOf(id));
  }

  /** Whether `sortedIds` costs nothing. */
  get isSorted(): boolean {
    return this.sorted !== null;
  }

  /** Ids with series, in the order of their bytes. Kept until the set of them changes; do not modify. */
  sortedIds(): Int32Array {
    if (this.sorted === null) {
      const ids = new Int32Array(this.live);
      let n = 0;
      for (let id = 0; id < this.limit; id++) if (this.counts[id] > 0) ids[n++] = id;
      this.sortIds(ids);
      this.sorted = ids;
    }
    return this.sorted;
  }

  /** Sorts some ids by their bytes, in place. */
  sortIds(ids: Int32Array): void {
    sortByBytes(ids, this.bytes, this.starts);
  }

  /** Whether `bytes[start .. end)` is the string of an id. */
  equals(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (this.lengthOf(id) !== length) return false;
    const own = this.bytes;
    const at = this.starts[id] + LENGTH_BYTES;
    for (let i = 0; i < length; i++) if (own[at + i] !== bytes[start + i]) return false;
    return true;
  }

  get memoryBytes(): number {
    return (
      this.bytes.byteLength +
      this.starts.byteLength * 3 +
      this.slots.byteLength +
      (this.sorted === null ? 0 : this.sorted.byteLength)
    );
  }

  private lookup(bytes: Uint8Array, start: number, end: number, hash: number): number {
    if (this.slots.length === 0) this.buildSlots();
    const slots = this.slots;
    const mask = slots.length - 1;
    const length = end - start;
    for (let i = hash & mask; ; i = (i + 1) & mask) {
      const id = slots[i] - 1;
      if (id < 0) return -1;
      if (this.hashes[id] !== hash || this.lengthOf(id) !== length) continue;
      const own = this.bytes;
      let at = this.starts[id] + LENGTH_BYTES;
      let k = start;
      while (k < end && own[at] === bytes[k]) {
        at++;
        k++;
      }
      if (k === end) return id;
    }
  }

  private put(id: number, bytes: Uint8Array, start: number, end: number, hash: number): void {
    const length = end - start;
    const need = this.used + LENGTH_BYTES + length;
    if (need > this.bytes.length) this.growBytes(need);
    if (id >= this.starts.length) {
      this.starts = grownInt32(this.starts, id + 1);
      this.counts = grownInt32(this.counts, id + 1);
      this.hashes = grownInt32(this.hashes, id + 1);
    }
    for (; this.limit <= id; this.limit++) this.starts[this.limit] = -1;
    const own = this.bytes;
    let at = this.used;
    this.starts[id] = at;
    own[at++] = length & 255;
    own[at++] = length >> 8;
    for (let i = start; i < end; i++) own[at++] = bytes[i];
    this.used = at;
    this.counts[id] = 0;
    this.hashes[id] = hash;
    if (this.slots.length > 0) this.link(id);
  }

  private link(id: number): void {
    if ((this.slotsTaken + 1) * 4 > this.slots.length * 3) {
      const old = this.slots;
      this.slots = new Int32Array(old.length * 2);
      for (let i = 0; i < old.length; i++) if (old[i] !== 0) this.place(old[i] - 1);
    }
    this.slotsTaken++;
    this.place(id);
  }

  private place(id: number): void {
    const slots = this.slots;
    const mask = slots.length - 1;
    let i = this.hashes[id] & mask;
    while (slots[i] !== 0) i = (i + 1) & mask;
    slots[i] = id + 1;
  }

  /** Takes an id out of the hash table, shifting the rest of its probe run back. */
  private unlink(id: number): void {
    if (this.slots.length === 0) this.buildSlots();
    const slots = this.slots;
    const mask = slots.length - 1;
    let hole = this.hashes[id] & mask;
    while (slots[hole] !== id + 1) hole = (hole + 1) & mask;
    for (let i = (hole + 1) & mask; slots[i] !== 0; i = (i + 1) & mask) {
      const home = this.hashes[slots[i] - 1] & mask;
      if (((i - home) & mask) >= ((i - hole) & mask)) {
        slots[hole] = slots[i];
        hole = i;
      }
    }
    slots[hole] = 0;
    this.slotsTaken--;
  }

  private buildSlots(): void {
    let used = 0;
    for (let id = 0; id < this.limit; id++) {
      if (this.starts[id] < 0) continue;
      const start = this.starts[id] + LENGTH_BYTES;
      this.hashes[id] = hashBytes(this.bytes, start, start + this.lengthOf(id));
      used++;
    }
    let size = 16;
    while (used * 4 > size * 3) size *= 2;
    this.slots = new Int32Array(size);
    this.slotsTaken = used;
    for (let id = 0; id < this.limit; id++) if (this.starts[id] >= 0) this.place(id);
  }

  private growBytes(atLeast: number): void {
    const grown = new Uint8Array(Math.max(atLeast, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.used));
    this.bytes = grown;
    this.text = Buffer.from(grown.buffer);
  }

  private compact(): void {
    const old = this.bytes;
    const fresh = new Uint8Array(Math.max(64, (this.used - this.garbage) * 2));
    let at = 0;
    for (let id = 0; id < this.limit; id++) {
      const start = this.starts[id];
      if (start < 0) continue;
      const length = LENGTH_BYTES + (old[start] | (old[start + 1] << 8));
      fresh.set(old.subarray(start, start + length), at);
      this.starts[id] = at;
      at += length;
    }
    this.bytes = fresh;
    this.text = Buffer.from(fresh.buffer);
    this.used = at;
    this.garbage = 0;
  }
}
