/**
 * Reads YAML strictly into records: every unknown field, wrong type and repeated key becomes a problem with its line, in
 * the words that Go's YAML library has made familiar, since rule files are written against those messages.
 *
 * Scalars are taken by their text: `alert: 5` names an alert "5", as in Prometheus. Nulls count as absent.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { parseDurationMs } from '../query/promql/parser/duration.ts';
import { quote } from '../query/promql/parser/token.ts';

/** A place in a file; both count from 1. */
export interface Position {
  line: number;
  column: number;
}

export type YamlNode = Node | null | undefined;

export class YamlReader {
  /** `line 3: field foo not found in type rulefmt.Rule` and the like, in the order of the file. */
  readonly problems: string[] = [];
  private readonly document: Document.Parsed;
  private readonly lines = new LineCounter();

  constructor(text: string) {
    this.document = parseDocument(text, { lineCounter: this.lines, uniqueKeys: false, merge: true });
  }

  /** The document's root, null when there is none. */
  get root(): YamlNode {
    return this.document.contents;
  }

  /** What is wrong with the file as YAML, or null. */
  syntaxError(): string | null {
    const [error] = this.document.errors;
    if (error === undefined) return null;
    const line = error.linePos?.[0].line ?? 1;
    return `yaml: line ${line}: ${error.message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '')}`;
  }

  /** All problems as one message, or null. */
  message(): string | null {
    return this.problems.length === 0 ? null : `yaml: unmarshal errors:\n  ${this.problems.join('\n  ')}`;
  }

  positionOf(node: YamlNode): Position {
    const { line, col } = this.lines.linePos(node?.range?.[0] ?? 0);
    return { line, column: col };
  }

  /** Calls the reader of each field that is there. */
  struct(node: YamlNode, typeName: string, fields: Readonly<Record<string, (value: YamlNode) => void>>): void {
    for (const [key, value, at] of this.entries(node, typeName)) {
      const read = Object.hasOwn(fields, key) ? fields[key] : undefined;
      if (read === undefined) this.problem(at, `field ${key} not found in type ${typeName}`);
      else read(value);
    }
  }

  /** A map from text to text, in the order of the file. */
  textMap(node: YamlNode): [string, string][] {
    const pairs: [string, string][] = [];
    for (const [key, value] of this.entries(node, 'map[string]string')) pairs.push([key, this.text(value)]);
    return pairs;
  }

  list<T>(node: YamlNode, typeName: string, read: (item: YamlNode) => T): T[] {
    const seq = this.resolve(node);
    if (seq === null) return [];
    if (!isSeq(seq)) {
      this.mismatch(seq, `[]${typeName}`);
      return [];
    }
    return (seq.items as YamlNode[]).map(read);
  }

  text(node: YamlNode): string {
    const scalar = this.scalar(node, 'string');
    return scalar ?? '';
  }

  integer(node: YamlNode): number {
    const text = this.scalar(node, 'int');
    if (text === null) return 0;
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(value)) return value;
    this.mismatch(this.resolve(node)!, 'int');
    return 0;
  }

  float(node: YamlNode): number {
    const text = this.scalar(node, 'float64');
    if (text === null) return 0;
    const special = /^([+-]?)(?:\.?(inf|nan))$/i.exec(text);
    if (special !== null) {
      if (special[2]!.toLowerCase() === 'nan') return Number.NaN;
      return special[1] === '-' ? -Infinity : Infinity;
    }
    const value = Number(text.replaceAll('_', ''));
    if (text !== '' && !Number.isNaN(value)) return value;
    this.mismatch(this.resolve(node)!, 'float64');
    return 0;
  }

  boolean(node: YamlNode): boolean {
    const text = this.scalar(node, 'bool');
    if (text === null) return false;
    if (/^(true|yes|on|y)$/i.test(text)) return true;
    if (/^(false|no|off|n)$/i.test(text)) return false;
    this.mismatch(this.resolve(node)!, 'bool');
    return false;
  }

  /** A duration in ms. */
  durationMs(node: YamlNode): number {
    const text = this.scalar(node, 'string');
    if (text === null) return 0;
    const parsed = parseDurationMs(text);
    if (typeof parsed === 'number') return parsed;
    this.problem(this.resolve(node), parsed.error);
    return 0;
  }

  problem(node: YamlNode, text: string): void {
    this.problems.push(`line ${this.positionOf(node).line}: ${text}`);
  }

  /** The node behind aliases; null for null and nothing. */
  resolve(node: YamlNode): Node | null {
    let found: YamlNode = node;
    while (isAlias(found)) found = found.resolve(this.document) as YamlNode;
    if (found === null || found === undefined) return null;
    return isScalar(found) && found.value === null ? null : found;
  }

  /** A scalar's text as it is written; null when there is none. */
  private scalar(node: YamlNode, typeName: string): string | null {
    const found = this.resolve(node);
    if (found === null) return null;
    if (isScalar(found)) return found.type === 'PLAIN' ? (found.source ?? '') : String(found.value);
    this.mismatch(found, typeName);
    return null;
  }

  private entries(node: YamlNode, typeName: string): [string, YamlNode, YamlNode][] {
    const map = this.resolve(node);
    if (map === null) return [];
    if (!isMap(map)) {
      this.mismatch(map, typeName);
      return [];
    }
    const entries: [string, YamlNode, YamlNode][] = [];
    const lineOf = new Map<string, number>();
    for (const { key, value } of map.items) {
      const keyNode = key as YamlNode;
      const name = this.text(keyNode);
      if (name === '<<') {
        const merged = this.resolve(value as YamlNode);
        entries.push(...this.entries(merged, typeName).filter(([inherited]) => !lineOf.has(inherited)));
        continue;
      }
      const first = lineOf.get(name);
      if (first !== undefined) {
        this.problem(keyNode, `mapping key ${quote(name)} already defined at line ${first}`);
        continue;
      }
      lineOf.set(name, this.positionOf(keyNode).line);
      const inherited = entries.findIndex(([known]) => known === name);
      if (inherited >= 0) entries.splice(inherited, 1);
      entries.push([name, value as YamlNode, keyNode]);
    }
    return entries;
  }

  private mismatch(node: Node, typeName: string): void {
    let what = '!!map';
    if (isSeq(node)) what = '!!seq';
    else if (isScalar(node)) {
      const text = node.type === 'PLAIN' ? (node.source ?? '') : String(node.value);
      what = `${scalarTag(node.value)} \`${text.length > 10 ? `${text.slice(0, 7)}...` : text}\``;
    }
    this.problem(node, `cannot unmarshal ${what} into ${typeName}`);
  }
}

function scalarTag(value: unknown): string {
  if (typeof value === 'boolean') return '!!bool';
  if (typeof value === 'number' || typeof value === 'bigint') return Number.isInteger(value) ? '!!int' : '!!float';
  return '!!str';
}
