/**
 * Which series a statement reads, group by group. A group is what one series of the answer is made of: one measurement and
 * one set of the outermost statement's tags, over all measurement sources of the tree.
 */
import type { Database } from '../../../engine/database.ts';
import { VarveError } from '../../../errors/errors.ts';
import type { Expression } from '../ast.ts';
import { compareTexts } from '../functions/column.ts';
import { measurementsOf } from '../schema/schema-view.ts';
import { selectByCondition } from './condition.ts';
import type { SelectContext } from './context.ts';
import type { TagSet } from './frame.ts';
import type { Leaf, Level, Options, PointSource, RowSource } from './plan.ts';
import { tagTexts } from './tag-texts.ts';

/** Series of one leaf in one group, or in one tag set of it. */
export interface LeafSeries {
  readonly database: Database;
  readonly refs: Int32Array;
  /** [series] place in `filters`. */
  readonly filterOf: Int32Array;
  readonly filters: readonly (Expression | null)[];
}

export interface Group {
  /** Of the measurement. */
  readonly name: string;
  /** Values of the outermost statement's tags. */
  readonly tags: TagSet;
  readonly leaves: Map<Leaf, LeafSeries>;
}

/** All measurement sources of a tree, each once. */
function leavesOf(level: Level): Leaf[] {
  const leaves = new Set<Leaf>();
  const visitSource = (source: PointSource | RowSource): void => {
    if (source.kind === 'call' || source.kind === 'interval') visitSource(source.input);
    else for (const each of source.sources) visit(each);
  };
  const visitLevel = (inner: Level): void => {
    if (inner.rows !== null) visitSource(inner.rows);
    for (const call of inner.calls) visitSource(call.source);
  };
  const visit = (source: RowSource['sources'][number]): void => {
    if (source.kind === 'leaf') leaves.add(source);
    else visitLevel(source.level);
  };
  visitLevel(level);
  return [...leaves];
}

/** The groups of a statement in the order of the answer. */
export function groupsOf(level: Level, context: SelectContext): Group[] {
  const { dimensions, ascending } = level.options;
  const groups = new Map<string, Group>();
  let seriesCount = 0;
  for (const leaf of leavesOf(level)) {
    const { source } = leaf;
    const database = context.resolve(source.database, source.retentionPolicy);
    if (database === null) continue;
    for (const name of measurementsOf(database, source)) {
      const all = seriesOfLeaf(database, name, leaf, dimensions);
      seriesCount += all.refs.length;
      refuseTooMany(seriesCount, context.limits.maxSelectSeries);
      for (const { tags, series } of splitByTags(all, dimensions)) {
        const key = [name, ...tags.values].join('\0');
        let group = groups.get(key);
        if (group === undefined) {
          group = { name, tags, leaves: new Map() };
          groups.set(key, group);
        }
        group.leaves.set(leaf, series);
      }
    }
  }
  const sorted = [...groups.values()].sort((a, b) => compareTexts(a.name, b.name) || compareValues(a.tags, b.tags));
  return ascending ? sorted : sorted.reverse();
}

function refuseTooMany(count: number, limit: number): void {
  if (limit === 0 || count <= limit) return;
  throw new VarveError('unprocessable', `max-select-series limit exceeded: (${count}/${limit})`);
}

function compareValues(a: TagSet, b: TagSet): number {
  for (let i = 0; i < a.values.length; i++) {
    if (a.values[i] !== b.values[i]) return compareTexts(a.values[i], b.values[i]);
  }
  return 0;
}

/** SLIMIT counts sets of the outermost statement's tags, also in a subquery. */
function seriesOfLeaf(database: Database, name: string, leaf: Leaf, dimensions: readonly string[]): LeafSeries {
  const { index } = database;
  const { refs, filterOf, filters } = selectByCondition(index, index.measurementId(name), leaf.condition);
  const all: LeafSeries = { database, refs, filterOf, filters };
  if (leaf.seriesLimit === 0 && leaf.seriesOffset === 0) return all;
  // Without SLIMIT, SOFFSET leaves nothing.
  const sets = splitByTags(all, dimensions).map(({ tags, series }) => ({ series, key: limitKeyOf(dimensions, tags) }));
  sets.sort((a, b) => compareTexts(a.key, b.key));
  return joinSeries(
    all,
    sets.slice(leaf.seriesOffset, leaf.seriesOffset + leaf.seriesLimit).map(({ series }) => series),
  );
}

/** What SLIMIT sorts by: the keys of the tags that are there, then their values. */
function limitKeyOf(keys: readonly string[], { values }: TagSet): string {
  const there = keys.map((key, i) => [key, values[i]] as const).filter(([, value]) => value !== '');
  return [...there.map(([key]) => key), ...there.map(([, value]) => value)].join('|');
}

function joinSeries(like: LeafSeries, parts: readonly LeafSeries[]): LeafSeries {
  let count = 0;
  for (const part of parts) count += part.refs.length;
  const refs = new Int32Array(count);
  const filterOf = new Int32Array(count);
  let at = 0;
  for (const part of parts) {
    refs.set(part.refs, at);
    filterOf.set(part.filterOf, at);
    at += part.refs.length;
  }
  return { ...like, refs, filterOf };
}

/** Series by the values of some tags, sets in their order. */
function splitByTags(all: LeafSeries, keys: readonly string[]): { tags: TagSet; series: LeafSeries }[] {
  const { database, refs, filterOf } = all;
  const { index } = database;
  if (refs.length === 0) return [];
  if (keys.length === 0) return [{ tags: { values: [] }, series: all }];
  const columns = keys.map((key) => ranked(index.tagValueIds(key, refs), tagTexts(index, key)));
  const order = new Uint32Array(refs.length).map((_, i) => i);
  const compare = (a: number, b: number): number => {
    for (const { ranks } of columns) if (ranks[a] !== ranks[b]) return ranks[a] - ranks[b];
    return 0;
  };
  order.sort((a, b) => compare(a, b) || a - b);
  const sets: { tags: TagSet; series: LeafSeries }[] = [];
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && compare(order[from], order[to]) === 0) to++;
    const places = order.subarray(from, to);
    const values = columns.map(({ ranks, texts }) => texts[ranks[places[0]]]);
    sets.push({
      tags: { values },
      series: {
        ...all,
        refs: Int32Array.from(places, (place) => refs[place]),
        filterOf: Int32Array.from(places, (place) => filterOf[place]),
      },
    });
    from = to;
  }
  return sets;
}

/** [series] the place of its value among all values of a tag, sorted. */
function ranked(ids: Int32Array, textOf: (id: number) => string): { ranks: Int32Array; texts: readonly string[] } {
  const distinct = new Map<number, string>();
  for (const id of ids) if (!distinct.has(id)) distinct.set(id, id < 0 ? '' : textOf(id));
  const sorted = [...distinct].sort((a, b) => compareTexts(a[1], b[1]));
  const rankOf = new Map(sorted.map(([id], rank) => [id, rank]));
  return { ranks: ids.map((id) => rankOf.get(id)!), texts: sorted.map(([, text]) => text) };
}

/** Series in the order of their keys' bytes, in which InfluxDB merges them; backwards when time goes backwards. */
export function inKeyOrder(series: LeafSeries, ascending: boolean): LeafSeries {
  const { database, refs } = series;
  if (refs.length < 2) return series;
  const keys = Array.from(refs, (ref) => Buffer.from(database.index.seriesKey(ref)).toString('latin1'));
  const order = [...keys.keys()].sort((a, b) => (keys[a] < keys[b] ? -1 : 1));
  if (!ascending) order.reverse();
  return {
    ...series,
    refs: Int32Array.from(order, (place) => series.refs[place]),
    filterOf: Int32Array.from(order, (place) => series.filterOf[place]),
  };
}

/** [series] its tags at a level; series that share them share the object. */
export function tagSetsOf(series: LeafSeries, group: Group, { groupBy, dimensions }: Options): TagSet[] {
  const { database, refs } = series;
  if (groupBy.length === dimensions.length) return new Array<TagSet>(refs.length).fill(group.tags);
  const known = new Map<string, TagSet>();
  return Array.from(refs, (ref) => {
    const { keys, values } = database.index.tags(ref);
    const own = groupBy.map((key) => values[keys.indexOf(key)] ?? '');
    const text = own.join('\0');
    let tags = known.get(text);
    if (tags === undefined) {
      tags = { values: own };
      known.set(text, tags);
    }
    return tags;
  });
}
