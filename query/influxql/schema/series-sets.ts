/**
 * Conditions on tags as sets of series.
 *
 * 1. A comparison of a tag with a string or regex is a matcher of the index; those under one AND are matched at once.
 * 2. AND is an intersection, OR a union, of ascending refs.
 * 3. What cannot be decided without samples, a comparison of a field, is either true of all series (where only the index
 *    is looked at) or of none (where a sample would have to say so), which is for the caller to choose. Or there are no
 *    fields: every name compared with a string, a regex or another name is a tag.
 *
 * The rules, odd ones included, are those of InfluxDB's index: a missing tag is the empty string; a tag compared with
 * another tag asks whether the series has both; any other operator than = and =~ means its negation.
 */
import type { Database } from '../../../engine/database.ts';
import type { TagMatcher } from '../../../index/series-index.ts';
import type { BinaryNode, Expression, VariableNode } from '../ast.ts';
import { matcherOf, patternMatcher } from './patterns.ts';

/** What a comparison of a field says of a series without its samples. */
export type FieldRule = 'all' | 'none';

/** So many measurements are looked up by themselves before all are looked at together. */
const SINGLES = 4;

const NONE = new Int32Array(0);

/** A condition, or a part of one. */
type Part =
  | { readonly kind: 'all' | 'none' }
  | { readonly kind: 'matcher'; readonly matcher: TagMatcher }
  | { readonly kind: 'and' | 'or'; readonly left: Part; readonly right: Part }
  /** Has the first tag, and also (not) the second. */
  | { readonly kind: 'both' | 'only'; readonly first: TagMatcher; readonly second: TagMatcher };

export class SeriesSets {
  private readonly database: Database;
  private readonly condition: Expression | null;
  private readonly fieldRule: FieldRule;
  private readonly tagsOnly: boolean;
  /** Names in the condition that are fields of some measurement. */
  private readonly fieldNames: readonly string[];
  /** Whether the condition asks for the measurement by name: then each is looked at by itself. */
  private readonly asksName: boolean;
  /** By which of the names are fields of a measurement: refs by measurement id. One look at the index does for all that agree. */
  private readonly found = new Map<string, ReadonlyMap<number, Int32Array>>();

  private singles = 0;

  /**
   * @param options `noFields`: names in comparisons are tags, even if there are fields of that name; `tagsOnly`: and so
   * are those that InfluxDB keeps for itself
   */
  constructor(
    database: Database,
    condition: Expression | null,
    fieldRule: FieldRule,
    { tagsOnly = false, noFields = tagsOnly }: { readonly tagsOnly?: boolean; readonly noFields?: boolean } = {},
  ) {
    this.tagsOnly = tagsOnly;
    this.database = database;
    this.condition = condition;
    this.fieldRule = fieldRule;
    const names = new Set<string>();
    if (condition !== null) collectNames(condition, names);
    const { fields } = database.index;
    this.fieldNames = noFields ? [] : [...names].filter((name) => fields.some((field) => field.name === name));
    this.asksName = names.has('_name');
  }

  /** The live series of a measurement that the condition holds for, ascending; not to be modified. */
  of(name: string): Int32Array {
    const { index } = this.database;
    const id = index.measurementId(name);
    if (id < 0) return NONE;
    if (this.condition === null) return index.select(id, []);
    const fields = this.fieldNames.filter((field) => index.fieldId(id, field) >= 0);
    const key = JSON.stringify(fields);
    let groups = this.found.get(key);
    if (this.asksName || (groups === undefined && this.singles++ < SINGLES)) {
      return this.refsOf(id, this.partOf(this.condition, name, new Set(fields)));
    }
    if (groups === undefined) {
      const part = this.partOf(this.condition, '', new Set(fields));
      groups = groupByMeasurement(this.database, this.refsOf(null, part));
      this.found.set(key, groups);
    }
    return groups.get(id) ?? NONE;
  }

  private partOf(expression: Expression, name: string, fields: ReadonlySet<string>): Part {
    switch (expression.kind) {
      case 'parentheses':
        return this.partOf(expression.inner, name, fields);
      case 'boolean':
        return { kind: expression.value ? 'all' : 'none' };
      case 'binary': {
        const { operator, left, right } = expression;
        if (operator !== 'AND' && operator !== 'OR') return this.comparison(expression, name, fields);
        const parts = { left: this.partOf(left, name, fields), right: this.partOf(right, name, fields) };
        return { kind: operator === 'AND' ? 'and' : 'or', ...parts };
      }
      default:
        return { kind: 'none' };
    }
  }

  private comparison({ operator, left, right }: BinaryNode, name: string, fields: ReadonlySet<string>): Part {
    const undecided: Part = { kind: this.fieldRule };
    if (left.kind === 'binary' || right.kind === 'binary') return undecided;
    const key = left.kind === 'variable' ? left : right.kind === 'variable' ? right : null;
    if (key === null) return undecided;
    const value = left.kind === 'variable' ? right : left;
    if (key.name !== '_name' && this.isUndecided(key, fields)) return undecided;
    const equal = operator === '=';
    const matches = operator === '=~';
    if (value.kind === 'variable') {
      if (this.isUndecided(value, fields)) return undecided;
      return { kind: equal ? 'both' : 'only', first: present(key.name), second: present(value.name) };
    }
    if (value.kind === 'string') {
      if (key.name === '_name') return { kind: (value.value === name) === equal ? 'all' : 'none' };
      return { kind: 'matcher', matcher: { key: key.name, op: equal ? '=' : '!=', value: value.value } };
    }
    if (value.kind !== 'regex') return undecided;
    if (key.name === '_name') return { kind: matcherOf(value.pattern)(name) === matches ? 'all' : 'none' };
    return { kind: 'matcher', matcher: patternMatcher(key.name, matches ? '=~' : '!~', value.pattern) };
  }

  /** A field, or one of the names that InfluxDB keeps for itself. */
  private isUndecided({ name }: VariableNode, fields: ReadonlySet<string>): boolean {
    return (!this.tagsOnly && isSystemName(name)) || fields.has(name);
  }

  private refsOf(measurement: number | null, part: Part): Int32Array {
    const { index } = this.database;
    switch (part.kind) {
      case 'all':
        return index.select(measurement, []);
      case 'none':
        return NONE;
      case 'matcher':
        return index.select(measurement, [part.matcher]);
      case 'both':
        return index.select(measurement, [part.first, part.second]);
      case 'only':
        return index.select(measurement, [part.first, { ...part.second, op: '=' }]);
      case 'or':
        return union(this.refsOf(measurement, part.left), this.refsOf(measurement, part.right));
      case 'and': {
        const matchers: TagMatcher[] = [];
        const rest: Part[] = [];
        splitConjunction(part, matchers, rest);
        let refs = matchers.length > 0 || rest.length === 0 ? index.select(measurement, matchers) : null;
        for (const each of rest) {
          if (refs !== null && refs.length === 0) return refs;
          const own = this.refsOf(measurement, each);
          refs = refs === null ? own : intersection(refs, own);
        }
        return refs ?? NONE;
      }
    }
  }
}

/** The names that stand for parts of the index in conditions. */
export function isSystemName(name: string): boolean {
  return (
    name === '_name' || name === '_tagKey' || name === '_tagValue' || name === '_fieldKey' || name === '_seriesKey'
  );
}

function present(key: string): TagMatcher {
  return { key, op: '!=', value: '' };
}

function splitConjunction(part: Part, matchers: TagMatcher[], rest: Part[]): void {
  if (part.kind === 'and') {
    splitConjunction(part.left, matchers, rest);
    splitConjunction(part.right, matchers, rest);
  } else if (part.kind === 'matcher') matchers.push(part.matcher);
  else if (part.kind !== 'all') rest.push(part);
}

function collectNames(expression: Expression, names: Set<string>): void {
  if (expression.kind === 'variable') names.add(expression.name);
  else if (expression.kind === 'parentheses') collectNames(expression.inner, names);
  else if (expression.kind === 'binary') {
    collectNames(expression.left, names);
    collectNames(expression.right, names);
  }
}

/** Ascending refs by the id of their measurement, each list ascending. */
function groupByMeasurement(database: Database, refs: Int32Array): Map<number, Int32Array> {
  const { schema, schemas, measurements } = database.index.series;
  const ofSchema = schemas.measurements.items;
  const ends = new Int32Array(measurements.limit + 1);
  for (let i = 0; i < refs.length; i++) ends[ofSchema[schema[refs[i]]] + 1]++;
  for (let id = 0; id < measurements.limit; id++) ends[id + 1] += ends[id];
  const sorted = new Int32Array(refs.length);
  const next = ends.slice();
  for (let i = 0; i < refs.length; i++) sorted[next[ofSchema[schema[refs[i]]]]++] = refs[i];
  const groups = new Map<number, Int32Array>();
  for (let id = 0; id < measurements.limit; id++) {
    if (ends[id + 1] > ends[id]) groups.set(id, sorted.subarray(ends[id], ends[id + 1]));
  }
  return groups;
}

function intersection(a: Int32Array, b: Int32Array): Int32Array {
  const both = new Int32Array(Math.min(a.length, b.length));
  let n = 0;
  for (let i = 0, k = 0; i < a.length && k < b.length; ) {
    if (a[i] === b[k]) {
      both[n++] = a[i++];
      k++;
    } else if (a[i] < b[k]) i++;
    else k++;
  }
  return both.subarray(0, n);
}

function union(a: Int32Array, b: Int32Array): Int32Array {
  const all = new Int32Array(a.length + b.length);
  let n = 0;
  let i = 0;
  let k = 0;
  while (i < a.length && k < b.length) {
    const x = a[i];
    const y = b[k];
    all[n++] = Math.min(x, y);
    if (x <= y) i++;
    if (y <= x) k++;
  }
  while (i < a.length) all[n++] = a[i++];
  while (k < b.length) all[n++] = b[k++];
  return all.subarray(0, n);
}
