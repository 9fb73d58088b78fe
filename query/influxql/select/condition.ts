/**
 * WHERE, as far as the index can answer it: which series of a measurement may have rows that match, and what is left to be
 * asked of each of their rows.
 *
 * 1. Comparisons of a tag with a text, a regex or another tag are answered per series. A series without the tag has the
 *    empty text. All else is left for rows.
 * 2. Those that every match must fulfil go to the index, which finds the series.
 * 3. For each series that it finds, AND and OR are taken apart with what is known of its tags. Series of equal answers share
 *    what is left; most often all do.
 */
import type { SeriesIndex, TagMatcher } from '../../../index/series-index.ts';
import type { BinaryNode, Expression, VariableNode } from '../ast.ts';
import { matcherOf, patternMatcher } from '../schema/patterns.ts';
import { tagTexts } from './tag-texts.ts';

/** Series of one measurement that may match. */
export interface SelectedSeries {
  /** Ascending. */
  refs: Int32Array;
  /** [series] place in `filters`. */
  filterOf: Int32Array;
  /** What rows must fulfil; null: nothing. */
  filters: readonly (Expression | null)[];
}

type Truth = boolean | Expression;

/** A comparison that tags decide. */
interface TagLeaf {
  readonly key: string;
  readonly operator: '=' | '!=' | '=~' | '!~' | 'IN';
  /** The text or pattern, or the other tag. */
  readonly value: string;
  readonly otherKey: string | null;
  /** Of IN: several comparisons by =, joined by OR. */
  readonly values: readonly string[];
}

function isTag({ cast }: VariableNode): boolean {
  return cast === 'tag' || cast === null;
}

/** Whether a comparison is one that tags decide, and which; false when it can never hold. */
function tagLeafOf(node: BinaryNode): TagLeaf | false | null {
  const [variable, value] = node.left.kind === 'variable' ? [node.left, node.right] : [node.right, node.left];
  if (variable.kind !== 'variable' || !isTag(variable)) return null;
  if (value.kind === 'variable') {
    if (!isTag(value)) return null;
    if (node.operator !== '=' && node.operator !== '!=') return false;
    return { key: variable.name, operator: node.operator, value: '', otherKey: value.name, values: [] };
  }
  if (value.kind === 'string') {
    if (node.operator !== '=' && node.operator !== '!=') return false;
    return { key: variable.name, operator: node.operator, value: value.value, otherKey: null, values: [] };
  }
  if (value.kind === 'regex' && (node.operator === '=~' || node.operator === '!~')) {
    return { key: variable.name, operator: node.operator, value: value.pattern, otherKey: null, values: [] };
  }
  return null;
}

/** Comparisons of one tag by =, joined by OR, as one; null for anything else. */
function equalitiesOf(node: Expression): TagLeaf | null {
  if (node.kind === 'parentheses') return equalitiesOf(node.inner);
  if (node.kind !== 'binary') return null;
  if (node.operator === 'OR') {
    const left = equalitiesOf(node.left);
    const right = left === null ? null : equalitiesOf(node.right);
    if (left === null || right === null || left.key !== right.key) return null;
    return { ...left, values: [...left.values, ...right.values] };
  }
  const leaf = node.operator === '=' ? tagLeafOf(node) : null;
  if (leaf === null || leaf === false || leaf.otherKey !== null || leaf.value === '') return null;
  return { ...leaf, operator: 'IN', values: [leaf.value] };
}

const LOGIC = new Set(['AND', 'OR']);
const COMPARISONS = new Set(['=', '!=', '<', '<=', '>', '>=', '=~', '!~']);

export function selectByCondition(
  index: SeriesIndex,
  measurement: number,
  condition: Expression | null,
): SelectedSeries {
  if (condition === null) return everything(index.select(measurement, []), null);
  const leaves: TagLeaf[] = [];
  const leafOf = new Map<BinaryNode, number | false>();
  collectLeaves(condition, leaves, leafOf);
  const required = new Set<number>();
  collectRequired(condition, leafOf, required);
  const matchers: TagMatcher[] = [];
  for (const i of required) {
    const matcher = matcherFor(leaves[i]);
    if (matcher === null) required.delete(i);
    else matchers.push(matcher);
  }
  const refs = index.select(measurement, matchers);
  const open = leaves.map((_, i) => i).filter((i) => !required.has(i));
  const known = new Map<number, boolean>();
  for (const i of required) known.set(i, true);
  if (open.length === 0) {
    const truth = simplify(condition, leafOf, known);
    if (truth === false) return everything(new Int32Array(0), null);
    return everything(refs, truth === true ? null : truth);
  }
  return perSeries(
    refs,
    condition,
    leafOf,
    known,
    open,
    open.map((i) => holdsBySeries(index, refs, leaves[i])),
  );
}

function everything(refs: Int32Array, filter: Expression | null): SelectedSeries {
  return { refs, filterOf: new Int32Array(refs.length), filters: [filter] };
}

function perSeries(
  refs: Int32Array,
  condition: Expression,
  leafOf: ReadonlyMap<BinaryNode, number | false>,
  known: Map<number, boolean>,
  open: readonly number[],
  holds: readonly Uint8Array[],
): SelectedSeries {
  const filters: (Expression | null)[] = [];
  const placeOf = new Map<string, number>();
  const kept = new Int32Array(refs.length);
  const filterOf = new Int32Array(refs.length);
  let n = 0;
  for (let i = 0; i < refs.length; i++) {
    let key = '';
    for (const flags of holds) key += flags[i];
    let place = placeOf.get(key);
    if (place === undefined) {
      for (let k = 0; k < open.length; k++) known.set(open[k], holds[k][i] === 1);
      const truth = simplify(condition, leafOf, known);
      place = truth === false ? -1 : filters.push(truth === true ? null : truth) - 1;
      placeOf.set(key, place);
    }
    if (place < 0) continue;
    kept[n] = refs[i];
    filterOf[n++] = place;
  }
  return { refs: kept.subarray(0, n), filterOf: filterOf.subarray(0, n), filters };
}

function collectLeaves(expression: Expression, leaves: TagLeaf[], leafOf: Map<BinaryNode, number | false>): void {
  if (expression.kind === 'parentheses') collectLeaves(expression.inner, leaves, leafOf);
  if (expression.kind !== 'binary') return;
  const equalities = expression.operator === 'OR' ? equalitiesOf(expression) : null;
  if (equalities !== null) {
    leafOf.set(expression, leaves.push(equalities) - 1);
    return;
  }
  if (LOGIC.has(expression.operator)) {
    collectLeaves(expression.left, leaves, leafOf);
    collectLeaves(expression.right, leaves, leafOf);
    return;
  }
  const leaf = tagLeafOf(expression);
  if (leaf === null) return;
  leafOf.set(expression, leaf === false ? false : leaves.push(leaf) - 1);
}

/** Leaves that are joined to the whole by nothing but AND. */
function collectRequired(
  expression: Expression,
  leafOf: ReadonlyMap<BinaryNode, number | false>,
  required: Set<number>,
): void {
  if (expression.kind === 'parentheses') collectRequired(expression.inner, leafOf, required);
  if (expression.kind !== 'binary') return;
  if (expression.operator === 'AND') {
    collectRequired(expression.left, leafOf, required);
    collectRequired(expression.right, leafOf, required);
    return;
  }
  const leaf = leafOf.get(expression);
  if (typeof leaf === 'number') required.add(leaf);
}

/** Null for a comparison of two tags, which the index does not do. */
function matcherFor({ key, operator, value, otherKey, values }: TagLeaf): TagMatcher | null {
  if (otherKey !== null) return null;
  // The index looks a list of texts up, and does not search for them.
  if (operator === 'IN') return { key, op: '=~', value: values.map(escaped).join('|') };
  if (operator === '=' || operator === '!=') return { key, op: operator, value };
  return patternMatcher(key, operator, value);
}

/** A text as a pattern that matches it alone. */
function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** [series] 1 where a leaf holds. */
function holdsBySeries(index: SeriesIndex, refs: Int32Array, leaf: TagLeaf): Uint8Array {
  const { key, operator, value, otherKey, values } = leaf;
  const holds = new Uint8Array(refs.length);
  const ids = index.tagValueIds(key, refs);
  const textOf = tagTexts(index, key);
  if (otherKey !== null) {
    const others = index.tagValueIds(otherKey, refs);
    const otherTextOf = tagTexts(index, otherKey);
    for (let i = 0; i < refs.length; i++) {
      const equal = ids[i] >= 0 && others[i] >= 0 && textOf(ids[i]) === otherTextOf(others[i]);
      holds[i] = equal === (operator === '=') ? 1 : 0;
    }
    return holds;
  }
  const test = testOf(operator, value, values);
  const wanted = operator !== '!=' && operator !== '!~';
  const outcome = new Map<number, number>([[-1, test('') === wanted ? 1 : 0]]);
  for (let i = 0; i < refs.length; i++) {
    let held = outcome.get(ids[i]);
    if (held === undefined) {
      held = test(textOf(ids[i])) === wanted ? 1 : 0;
      outcome.set(ids[i], held);
    }
    holds[i] = held;
  }
  return holds;
}

function testOf(operator: TagLeaf['operator'], value: string, values: readonly string[]): (text: string) => boolean {
  if (operator === '=~' || operator === '!~') return matcherOf(value);
  if (operator !== 'IN') return (text) => text === value;
  const listed = new Set(values);
  return (text) => listed.has(text);
}

/** What is left of a condition once its tags are known. */
function simplify(
  expression: Expression,
  leafOf: ReadonlyMap<BinaryNode, number | false>,
  known: ReadonlyMap<number, boolean>,
): Truth {
  if (expression.kind === 'parentheses') {
    const inner = simplify(expression.inner, leafOf, known);
    return typeof inner === 'boolean' || inner.kind !== 'binary' ? inner : { kind: 'parentheses', inner };
  }
  if (expression.kind === 'boolean') return expression.value;
  // InfluxDB selects nothing by what is no comparison.
  if (expression.kind !== 'binary') return false;
  const joined = leafOf.get(expression);
  if (typeof joined === 'number') return known.get(joined)!;
  if (!LOGIC.has(expression.operator)) {
    const leaf = leafOf.get(expression);
    // Arithmetic alone excludes nothing.
    if (leaf === undefined) return COMPARISONS.has(expression.operator) ? expression : true;
    return leaf === false ? false : known.get(leaf)!;
  }
  const left = simplify(expression.left, leafOf, known);
  const right = simplify(expression.right, leafOf, known);
  if (expression.operator === 'AND') {
    if (left === false || right === false) return false;
    if (left === true) return right;
    return right === true ? left : { ...expression, left, right };
  }
  if (left === true || right === true) return true;
  if (left === false) return right;
  return right === false ? left : { ...expression, left, right };
}

/** What the variables of a filter are, by name: where one is a field and a tag, the tag counts for both. */
export function variablesOfFilter(filter: Expression | null, into: Map<string, VariableNode>): void {
  if (filter === null) return;
  switch (filter.kind) {
    case 'variable':
      if (!into.has(filter.name) || isTag(filter)) into.set(filter.name, filter);
      return;
    case 'binary':
      variablesOfFilter(filter.left, into);
      variablesOfFilter(filter.right, into);
      return;
    case 'parentheses':
      variablesOfFilter(filter.inner, into);
      return;
    case 'call':
      for (const argument of filter.arguments) variablesOfFilter(argument, into);
  }
}
