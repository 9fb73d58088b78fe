/**
 * Field sets: which fields a series has had so far, interned, so that a series costs one id and "which series of this
 * measurement have this field" is answered without reading samples.
 *
 * A set grows by the shapes of rows: set + shape -> set, remembered per (set, shape).
 *
 * Invariants
 * - Set 0 is empty. Ids are dense and never reused; a set never changes; equal sets have equal ids.
 * - Field ids within a set are ascending.
 */
import type { Shape } from './shapes.ts';

/** What a set needs besides its fields and its text. */
const SET_BYTES = 400;

export class FieldSets {
  /** id -> ascending field ids. */
  readonly list: Int32Array[] = [new Int32Array(0)];
  /** Live series per set. */
  readonly seriesCounts: number[] = [0];
  /** Bytes of memory, about. */
  memoryBytes = 0;
  private readonly byText = new Map<string, number>([['', 0]]);
  /** By set: shape id -> the set after a row of that shape. */
  private readonly transitions: (Map<number, number> | undefined)[] = [];

  /** The set after a row of `shape`. */
  after(set: number, shape: Shape): number {
    const known = this.transitions[set]?.get(shape.id);
    if (known !== undefined) return known;
    const union = Int32Array.from(new Set([...this.list[set], ...shape.fields])).sort();
    const id = this.intern(union);
    this.transitions[set] ??= new Map();
    this.transitions[set].set(shape.id, id);
    return id;
  }

  /** The id of a set of ascending field ids. */
  intern(fields: Int32Array): number {
    const text = fields.join();
    const known = this.byText.get(text);
    if (known !== undefined) return known;
    const id = this.list.length;
    this.list.push(fields);
    this.seriesCounts.push(0);
    this.byText.set(text, id);
    this.memoryBytes += SET_BYTES + 4 * fields.length + text.length;
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
