/**
 * Field sets: which fields a series has had so far, interned, so that a series costs one id and "which series of this
 * measurement have this field" is answered without reading samples.
 *
 * A set grows by the shapes of rows: set + shape -> set, remembered per (set, shape). A set that a series has outgrown
 * and no other has is given up, or a series that gets its fields one after the other would leave a set for each.
 *
 * Invariants
 * - Set 0 is empty. Ids are dense and never reused; a set never changes until it is given up, and is empty then; sets
 *   that are equal have equal ids, apart from empty ones.
 * - Field ids within a set are ascending.
 */
import type { Shape } from './shapes.ts';

/** What a set needs besides its fields. */
const SET_BYTES = 400;

const NOTHING = new Int32Array(0);

export class FieldSets {
  /** id -> ascending field ids. */
  readonly list: Int32Array[] = [NOTHING];
  /** Live series per set. */
  readonly seriesCounts: number[] = [0];
  /** Bytes of memory, about. */
  memoryBytes = 0;
  /** Hash -> the sets that have it. */
  private readonly byHash = new Map<number, number[]>([[0, [0]]]);
  /** id -> hash: the sum of its fields', so that a set's follows from that of the one it grew from. */
  private readonly hashes: number[] = [0];
  /** By set: shape id -> the set after a row of that shape. */
  private readonly transitions: (Map<number, number> | undefined)[] = [];

  /** The set after a row of `shape`. */
  after(set: number, shape: Shape): number {
    const known = this.transitions[set]?.get(shape.id);
    if (known !== undefined && this.isKept(known)) return known;
    const fields = this.list[set];
    const added = shape.fields.filter((field) => !hasField(fields, field)).sort();
    const id = added.length === 0 ? set : this.intern(joined(fields, added), this.hashes[set] + sumOfHashes(added));
    this.transitions[set] ??= new Map();
    this.transitions[set].set(shape.id, id);
    return id;
  }

  /** Adds a set of ascending field ids as a file has it, with the next id; one that was given up is empty. */
  restore(fields: Int32Array): void {
    this.add(fields, sumOfHashes(fields) | 0);
  }

  /** Gives a set up unless a series has it. */
  release(set: number): void {
    const fields = this.list[set];
    if (this.seriesCounts[set] > 0 || !this.isKept(set)) return;
    const hash = this.hashes[set];
    const others = this.byHash.get(hash)?.filter((id) => id !== set) ?? [];
    if (others.length > 0) this.byHash.set(hash, others);
    else this.byHash.delete(hash);
    this.list[set] = NOTHING;
    this.transitions[set] = undefined;
    this.memoryBytes -= 4 * fields.length;
  }

  private isKept(set: number): boolean {
    return set === 0 || this.list[set].length > 0;
  }

  private intern(fields: Int32Array, sum: number): number {
    const hash = sum | 0;
    const known = this.byHash.get(hash)?.find((id) => equal(this.list[id], fields));
    return known ?? this.add(fields, hash);
  }

  private add(fields: Int32Array, hash: number): number {
    const id = this.list.length;
    this.list.push(fields);
    this.hashes.push(hash);
    this.seriesCounts.push(0);
    this.memoryBytes += SET_BYTES + 4 * fields.length;
    if (fields.length > 0) {
      const same = this.byHash.get(hash);
      if (same === undefined) this.byHash.set(hash, [id]);
      else same.push(id);
    }
    return id;
  }

  has(set: number, field: number): boolean {
    return hasField(this.list[set], field);
  }

  /** By set id: 1 when the set has the field. */
  membership(field: number): Uint8Array {
    const member = new Uint8Array(this.list.length);
    for (let set = 0; set < this.list.length; set++) if (this.has(set, field)) member[set] = 1;
    return member;
  }
}

/** All of both, ascending, as they are, and with none in common. */
function joined(set: Int32Array, added: Int32Array): Int32Array {
  const all = new Int32Array(set.length + added.length);
  let from = 0;
  added.forEach((field, k) => {
    const to = lowerBound(set, field);
    all.set(set.subarray(from, to), from + k);
    all[to + k] = field;
    from = to;
  });
  all.set(set.subarray(from), from + added.length);
  return all;
}

function hasField(set: Int32Array, field: number): boolean {
  const at = lowerBound(set, field);
  return at < set.length && set[at] === field;
}

/** First index with `set[i] >= field`. */
function lowerBound(set: Int32Array, field: number): number {
  let low = 0;
  let high = set.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (set[mid] < field) low = mid + 1;
    else high = mid;
  }
  return low;
}

function sumOfHashes(fields: Int32Array): number {
  let sum = 0;
  for (let i = 0; i < fields.length; i++) {
    const mixed = Math.imul(fields[i] + 1, 0x9e3779b1);
    sum = (sum + (mixed ^ (mixed >>> 15))) | 0;
  }
  return sum;
}

function equal(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
