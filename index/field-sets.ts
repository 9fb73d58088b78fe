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
  private readonly byHash = new Map<number, number[]>([[hashOf(NOTHING), [0]]]);
  /** By set: shape id -> the set after a row of that shape. */
  private readonly transitions: (Map<number, number> | undefined)[] = [];

  /** The set after a row of `shape`. */
  after(set: number, shape: Shape): number {
    const known = this.transitions[set]?.get(shape.id);
    if (known !== undefined && this.isKept(known)) return known;
    const id = this.intern(union(this.list[set], shape.fields));
    this.transitions[set] ??= new Map();
    this.transitions[set].set(shape.id, id);
    return id;
  }

  /** The id of a set of ascending field ids. */
  intern(fields: Int32Array): number {
    const known = this.byHash.get(hashOf(fields))?.find((id) => equal(this.list[id], fields));
    return known ?? this.add(fields);
  }

  /** Adds a set as a file has it, with the next id; one that was given up is empty. */
  restore(fields: Int32Array): void {
    this.add(fields);
  }

  /** Gives a set up unless a series has it. */
  release(set: number): void {
    const fields = this.list[set];
    if (this.seriesCounts[set] > 0 || !this.isKept(set)) return;
    const hash = hashOf(fields);
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

  private add(fields: Int32Array): number {
    const id = this.list.length;
    this.list.push(fields);
    this.seriesCounts.push(0);
    this.memoryBytes += SET_BYTES + 4 * fields.length;
    if (fields.length > 0) {
      const hash = hashOf(fields);
      const same = this.byHash.get(hash);
      if (same === undefined) this.byHash.set(hash, [id]);
      else same.push(id);
    }
    return id;
  }

  has(set: number, field: number): boolean {
    const fields = this.list[set];
    let low = 0;
    let high = fields.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (fields[mid] < field) low = mid + 1;
      else high = mid;
    }
    return low < fields.length && fields[low] === field;
  }

  /** By set id: 1 when the set has the field. */
  membership(field: number): Uint8Array {
    const member = new Uint8Array(this.list.length);
    for (let set = 0; set < this.list.length; set++) if (this.has(set, field)) member[set] = 1;
    return member;
  }
}

/** All of both: ascending ids, and ids of a row in any order. */
function union(set: Int32Array, row: Int32Array): Int32Array {
  const added = row.slice().sort();
  const all = new Int32Array(set.length + added.length);
  let n = 0;
  for (let i = 0, k = 0; i < set.length || k < added.length; ) {
    const next = k === added.length || (i < set.length && set[i] <= added[k]) ? set[i] : added[k];
    if (i < set.length && set[i] === next) i++;
    if (k < added.length && added[k] === next) k++;
    all[n++] = next;
  }
  return n === set.length ? set : all.slice(0, n);
}

function hashOf(fields: Int32Array): number {
  let hash = fields.length;
  for (let i = 0; i < fields.length; i++) hash = Math.imul(hash ^ fields[i], 0x9e3779b1) ^ (hash >>> 15);
  return hash | 0;
}

function equal(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
