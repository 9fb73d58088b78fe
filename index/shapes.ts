/**
 * Shapes: the ordered lists of fields that arrive together on a line, interned like an engine's hidden classes.
 *
 * A measurement's root shape has no fields; each transition adds one. A parser guesses the shape a series had last and
 * compares names; only when the guess fails does it walk transitions.
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

/** What a shape needs, and each of its columns: an id, a type, a name that others have too. */
const SHAPE_BYTES = 1000;
const COLUMN_BYTES = 13;

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
  /** Field names, unescaped, same order. */
  readonly names: Uint8Array[];
  /** A `FieldType` per field. */
  readonly types: Uint8Array;
}

export interface ShapeNode extends Shape {
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
    this.add(-1, 0, new Int32Array(0), [], new Uint8Array(0));
  }

  root(measurement: number): ShapeNode {
    return this.roots[measurement] ?? this.addRoot(measurement);
  }

  addRoot(measurement: number): ShapeNode {
    const node = this.add(measurement, 0, new Int32Array(0), [], new Uint8Array(0));
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
    const fields = new Int32Array(from.width + 1);
    fields.set(from.fields);
    fields[from.width] = field.id;
    const types = new Uint8Array(from.width + 1);
    types.set(from.types);
    types[from.width] = field.type;
    const node = this.add(from.measurement, from.id, fields, [...from.names, field.nameBytes], types);
    from.children ??= new Map();
    const hash = hashBytes(field.nameBytes, 0, field.nameBytes.length);
    node.nextSameHash = from.children.get(hash) ?? null;
    from.children.set(hash, node);
    from.lastChild = node;
    return node;
  }

  /** Shapes of a measurement, its root included. */
  countOf(measurement: number): number {
    return this.counts[measurement] ?? 0;
  }

  private add(
    measurement: number,
    parent: number,
    fields: Int32Array,
    names: Uint8Array[],
    types: Uint8Array,
  ): ShapeNode {
    const node: ShapeNode = {
      id: this.list.length,
      measurement,
      width: fields.length,
      fields,
      names,
      types,
      parent,
      children: null,
      nextSameHash: null,
      lastChild: null,
    };
    this.list.push(node);
    this.memoryBytes += SHAPE_BYTES + COLUMN_BYTES * node.width;
    if (measurement >= 0) this.counts[measurement] = this.countOf(measurement) + 1;
    return node;
  }
}
