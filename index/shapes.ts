/**
 * Shapes: the ordered lists of fields that arrive together on a line, interned like an engine's hidden classes.
 *
 * A measurement's root shape has no fields; each transition adds one. A parser guesses the shape a series had last and
 * compares names; only when the guess fails does it walk transitions.
 *
 * A line of new fields makes a shape per field on its way. Those of one such chain share their lists, each seeing the
 * first so many entries: a list of its own for each would need the square of the line's width.
 *
 * Invariants
 * - Ids are dense, never reused, and a parent's id is below its children's. Shape 0 is reserved and has no measurement,
 *   so that 0 may stand for "no shape" in a file.
 * - A shape never changes. No field is in a shape twice.
 */
import { equalBytes, type Field } from './fields.ts';
import { hashBytes } from './hash.ts';

/** Shapes per measurement beyond which rows should be split, see `SeriesIndex.shapeLimitReached`. */
export const SHAPE_LIMIT = 1024;

/** What a shape needs, and an entry of a list: an id, a type, a name that others have too. */
const SHAPE_BYTES = 700;
const ENTRY_BYTES = 13;
const INITIAL_ENTRIES = 4;

/** The fields of a row, in order. */
export interface Shape {
  /** Its index in `SeriesIndex.shapes`. */
  readonly id: number;
  /** Measurement id; -1 for the reserved shape 0. */
  readonly measurement: number;
  /** Number of fields. */
  readonly width: number;
  /** Field ids, in line order. */
  readonly fields: Int32Array;
  /** Field names, unescaped, same order: the first `width` of a list that may be longer. */
  readonly names: readonly Uint8Array[];
  /** A `FieldType` per field. */
  readonly types: Uint8Array;
}

/** The lists of a chain of shapes; its longest shape uses all entries. */
interface ShapeLists {
  used: number;
  fields: Int32Array;
  types: Uint8Array;
  readonly names: Uint8Array[];
}

export interface ShapeNode extends Shape {
  readonly lists: ShapeLists;
  /** Id of the shape with one field less; 0 for a root. */
  readonly parent: number;
  /** By the hash of the added field's name; shapes that share a hash are chained through `nextSameHash`. */
  children: Map<number, ShapeNode> | null;
  nextSameHash: ShapeNode | null;
  /** The child that was asked for last. */
  lastChild: ShapeNode | null;
}

export class Shapes {
  /** id -> shape. */
  readonly list: ShapeNode[] = [];
  private readonly roots: (ShapeNode | undefined)[] = [];
  private readonly counts: number[] = [];
  /** Bytes of memory, about. */
  memoryBytes = 0;

  constructor() {
    this.add(-1, 0, 0, this.newLists(null));
  }

  root(measurement: number): ShapeNode {
    return this.roots[measurement] ?? this.addRoot(measurement);
  }

  addRoot(measurement: number): ShapeNode {
    const node = this.add(measurement, 0, 0, this.newLists(null));
    this.roots[measurement] = node;
    return node;
  }

  hasRoot(measurement: number): boolean {
    return this.roots[measurement] !== undefined;
  }

  /** The child whose added field has this name, whatever its type; null when there is none yet. */
  child(from: ShapeNode, bytes: Uint8Array, start: number, end: number): ShapeNode | null {
    const last = from.lastChild;
    if (last !== null && equalBytes(last.names[from.width], bytes, start, end)) return last;
    if (from.children === null) return null;
    let child = from.children.get(hashBytes(bytes, start, end)) ?? null;
    while (child !== null && !equalBytes(child.names[from.width], bytes, start, end)) child = child.nextSameHash;
    if (child !== null) from.lastChild = child;
    return child;
  }

  addChild(from: ShapeNode, field: Field): ShapeNode {
    const lists = from.lists.used === from.width ? from.lists : this.newLists(from);
    this.append(lists, field);
    const node = this.add(from.measurement, from.id, lists.used, lists);
    // An only child is found as the last one.
    if (from.lastChild !== null) {
      if (from.children === null) {
        from.children = new Map();
        this.enterChild(from.children, from.lastChild);
      }
      this.enterChild(from.children, node);
    }
    from.lastChild = node;
    return node;
  }

  private enterChild(children: Map<number, ShapeNode>, child: ShapeNode): void {
    const name = child.names[child.width - 1];
    const hash = hashBytes(name, 0, name.length);
    child.nextSameHash = children.get(hash) ?? null;
    children.set(hash, child);
  }

  /** Lists that begin with a shape's entries. */
  private newLists(from: ShapeNode | null): ShapeLists {
    const used = from === null ? 0 : from.width;
    const size = Math.max(INITIAL_ENTRIES, used + 1);
    const lists = {
      used,
      fields: new Int32Array(size),
      types: new Uint8Array(size),
      names: from === null ? [] : from.names.slice(0, used),
    };
    if (from !== null) {
      lists.fields.set(from.fields);
      lists.types.set(from.types);
    }
    this.memoryBytes += ENTRY_BYTES * size;
    return lists;
  }

  private append(lists: ShapeLists, field: Field): void {
    const size = lists.fields.length;
    if (lists.used === size) {
      // Shapes keep what they see of the shorter arrays.
      const { fields, types } = lists;
      lists.fields = new Int32Array(2 * size);
      lists.fields.set(fields);
      lists.types = new Uint8Array(2 * size);
      lists.types.set(types);
      this.memoryBytes += ENTRY_BYTES * 2 * size;
    }
    lists.fields[lists.used] = field.id;
    lists.types[lists.used] = field.type;
    lists.names.push(field.nameBytes);
    lists.used++;
  }

  /** Shapes of a measurement, its root included. */
  countOf(measurement: number): number {
    return this.counts[measurement] ?? 0;
  }

  private add(measurement: number, parent: number, width: number, lists: ShapeLists): ShapeNode {
    const node: ShapeNode = {
      id: this.list.length,
      measurement,
      width,
      fields: lists.fields.subarray(0, width),
      names: lists.names,
      types: lists.types.subarray(0, width),
      lists,
      parent,
      children: null,
      nextSameHash: null,
      lastChild: null,
    };
    this.list.push(node);
    this.memoryBytes += SHAPE_BYTES;
    if (measurement >= 0) this.counts[measurement] = this.countOf(measurement) + 1;
    return node;
  }
}
