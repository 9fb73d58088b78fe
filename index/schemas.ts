/**
 * Schemas: a measurement with a sorted list of tag keys, interned. A series has one schema id instead of a list of its
 * tag keys; most databases have a few schemas for millions of series.
 *
 * They form a tree like shapes do: the root of a measurement has no tags, a child adds one key.
 *
 * Invariant: ids are dense, never reused, and a parent's id is below its children's.
 */
import { Int32List } from './int32-list.ts';

export interface Schema {
  readonly id: number;
  /** Measurement id. */
  readonly measurement: number;
  /** Tag key ids in the order of the key's bytes. */
  readonly keys: Int32Array;
  /** Id of the schema with one key less; -1 for a root. */
  readonly parent: number;
}

interface Node extends Schema {
  children: Map<number, Node> | null;
}

/** Positions of one tag key within every schema. */
interface Positions {
  known: number;
  list: Int32List;
}

export class Schemas {
  /** By schema id: its measurement id. */
  readonly measurements = new Int32List();
  private readonly nodes: Node[] = [];
  private readonly roots: (Node | undefined)[] = [];
  private readonly positionsOfKey: (Positions | undefined)[] = [];

  get count(): number {
    return this.nodes.length;
  }

  get(id: number): Schema {
    return this.nodes[id];
  }

  /** The schema of a measurement without tags. */
  root(measurement: number): Schema {
    return this.roots[measurement] ?? this.add(measurement, -1, new Int32Array(0));
  }

  /** The schema with one more tag key, which sorts after those it has. */
  child(of: Schema, key: number): Schema {
    const parent = this.nodes[of.id];
    const known = parent.children?.get(key);
    if (known !== undefined) return known;
    const keys = new Int32Array(parent.keys.length + 1);
    keys.set(parent.keys);
    keys[parent.keys.length] = key;
    const node = this.add(parent.measurement, parent.id, keys);
    parent.children ??= new Map();
    parent.children.set(key, node);
    return node;
  }

  /** By schema id: the position of a tag key among the schema's keys, -1 when it lacks the key. Do not modify. */
  positions(key: number): Int32Array {
    let positions = this.positionsOfKey[key];
    if (positions === undefined) {
      positions = { known: 0, list: new Int32List() };
      this.positionsOfKey[key] = positions;
    }
    for (; positions.known < this.nodes.length; positions.known++) {
      positions.list.push(this.nodes[positions.known].keys.indexOf(key));
    }
    return positions.list.items;
  }

  private add(measurement: number, parent: number, keys: Int32Array): Node {
    const node: Node = { id: this.nodes.length, measurement, keys, parent, children: null };
    this.nodes.push(node);
    this.measurements.push(measurement);
    if (parent < 0) this.roots[measurement] = node;
    return node;
  }
}
