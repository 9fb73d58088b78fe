/**
 * SHOW … CARDINALITY. What asks for a whole database without EXACT is one number over all its retention policies. Anything
 * else is counted by measurement (measurements themselves: over all), in groups of tags if wanted, in the source's policy.
 */

import type { Database } from '../../../engine/database.ts';
import { VarveError } from '../../../errors/errors.ts';
import { hashBytes } from '../../../index/hash.ts';
import type { Expression, ShowCardinalityStatement } from '../ast.ts';
import type { StatementAnswer } from '../result.ts';
import type { StatementContext } from '../statement-context.ts';
import { answerOf, countSeries, emptyAnswer, listAnswer, Turns } from './answers.ts';
import { compareBytes } from './byte-order.ts';
import { namesTime } from './condition.ts';
import { seriesWithin } from './partitions.ts';
import { matcherOf } from './patterns.ts';
import { measurementNames, measurementsOfGroups, policiesIfAny, policiesOf, sourceGroups } from './policies.ts';
import { tagKeyNames } from './schema-view.ts';
import { SeriesSets } from './series-sets.ts';
import { keyTest } from './show-tag-values.ts';
import { groupsByTags, type TagGroup } from './tag-groups.ts';
import { distinctValues, tagKeysOf } from './tag-values.ts';
import { splitTimes } from './times.ts';

const ESTIMATION = 'cardinality estimation';

const REFUSAL_OF_TIME: Readonly<Record<ShowCardinalityStatement['of'], string | null>> = {
  series: 'SHOW SERIES EXACT CARDINALITY',
  measurement: 'SHOW MEASUREMENT EXACT CARDINALITY',
  'tag key': 'SHOW TAG KEY EXACT CARDINALITY',
  'tag values': null,
  'field key': 'SHOW FIELD KEY CARDINALITY',
};

export function showCardinality(statement: ShowCardinalityStatement, context: StatementContext): StatementAnswer {
  const { of, condition } = statement;
  if ((of === 'series' || of === 'measurement') && isOfWholeDatabase(statement)) return estimation(statement, context);
  const refusal = REFUSAL_OF_TIME[of];
  if (refusal !== null && namesTime(condition)) {
    throw new VarveError('bad_request', `${refusal} doesn't support time in WHERE clause`);
  }
  return exactCounts(statement, context);
}

function isOfWholeDatabase(statement: ShowCardinalityStatement): boolean {
  const { exact, sources, condition, dimensions, limit, offset } = statement;
  return !exact && sources.length === 0 && condition === null && dimensions.length === 0 && limit === 0 && offset === 0;
}

function estimation(statement: ShowCardinalityStatement, context: StatementContext): StatementAnswer {
  const databases = policiesIfAny(context, statement.database || context.database);
  const count = statement.of === 'series' ? countSeriesOf(databases) : measurementNames(databases).length;
  return listAnswer([countSeries('', null, ESTIMATION, count)]);
}

/** Series of several databases; those that are the same count once. */
function countSeriesOf(databases: readonly Database[]): number {
  const [first, ...others] = [...databases].sort((a, b) => b.index.seriesCount - a.index.seriesCount);
  let count = first?.index.seriesCount ?? 0;
  const seen = first === undefined ? [] : [first];
  for (const database of others) {
    if (database.index.seriesCount === 0) continue;
    for (const ref of database.index.select(null, [])) {
      const key = database.index.seriesKey(ref);
      const hash = hashBytes(key, 0, key.length);
      if (seen.every(({ index }) => index.find(key, 0, key.length, hash) < 0)) count++;
    }
    seen.push(database);
  }
  return count;
}

function exactCounts(statement: ShowCardinalityStatement, context: StatementContext): StatementAnswer {
  const { of, dimensions } = statement;
  const { condition, minNs, maxNs, hasTime } = splitTimes(statement.condition, context);
  const groups = sourceGroups(context, statement.database || context.database, statement.sources, false);
  // Every count is one row, which comes at the epoch.
  if (statement.offset > 0 || (hasTime && (minNs > 0n || maxNs < 0n))) return emptyAnswer();
  const select = refsSelector(condition, hasTime ? { minNs, maxNs } : null);
  return answerOf(
    (async function* () {
      const all = measurementsOfGroups(groups);
      const tags = dimensionTags(dimensions, all, policiesOf(context, statement.database || context.database));
      const turns = new Turns(context, [...new Set(all.flatMap(({ databases }) => databases))]);
      const overall = new Map<string, TagGroup & { count: number }>();
      for (const { name, databases } of all) {
        await turns.next();
        const parts = databases.map((database) => ({ database, refs: select(database, name) }));
        for (const group of groupsByTags(parts, tags)) {
          const count = of === 'measurement' ? 1 : countIn(group, statement);
          if (count === 0) continue;
          if (of === 'measurement') {
            const known = overall.get(group.key);
            if (known === undefined) overall.set(group.key, { ...group, count });
            else known.count++;
          } else yield countSeries(name, group.tags, 'count', count);
        }
      }
      const sorted = [...overall.values()].sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0));
      for (const { tags: groupTags, count } of sorted) yield countSeries('', groupTags, 'count', count);
    })(),
  );
}

function refsSelector(
  condition: Expression | null,
  range: { minNs: bigint; maxNs: bigint } | null,
): (database: Database, name: string) => Int32Array {
  const known = new Map<Database, { sets: SeriesSets; within: Uint8Array | null }>();
  return (database, name) => {
    let own = known.get(database);
    if (own === undefined) {
      own = {
        sets: new SeriesSets(database, condition, 'none'),
        within: range === null ? null : seriesWithin(database, range),
      };
      known.set(database, own);
    }
    const refs = own.sets.of(name);
    const { within } = own;
    return within === null ? refs : refs.filter((ref) => within[ref] === 1);
  };
}

/** What is counted among the series of a group. */
function countIn({ parts }: TagGroup, { of, keys }: ShowCardinalityStatement): number {
  if (of === 'series') {
    if (parts.length === 1) return parts[0].refs.length;
    return new Set(parts.flatMap(({ database, refs }) => [...refs].map((ref) => keyText(database, ref)))).size;
  }
  if (of === 'field key') return distinct(parts.map(({ database, refs }) => fieldNames(database, refs)));
  if (of === 'tag key') {
    return distinct(
      parts.map(({ database, refs }) => [...tagKeysOf(database, refs)].map((key) => tagKeyText(database, key))),
    );
  }
  const isWanted = keys === null ? () => true : keyTest(keys);
  const lists = parts.flatMap(({ database, refs }) => {
    return [...tagKeysOf(database, refs)]
      .filter((key) => isWanted(tagKeyText(database, key)))
      .map((key) => ({ dictionary: database.index.series.tagValues[key], ids: distinctValues(database, key, refs) }));
  });
  if (lists.length === 1) return lists[0].ids.length;
  return distinct(lists.map(({ dictionary, ids }) => Array.from(ids, (id) => dictionary.string(id))));
}

function distinct(lists: readonly (readonly string[])[]): number {
  return lists.length === 1 ? lists[0].length : new Set(lists.flat()).size;
}

function keyText(database: Database, ref: number): string {
  return Buffer.from(database.index.seriesKey(ref)).toString('latin1');
}

function tagKeyText(database: Database, key: number): string {
  return database.index.series.tagKeys.string(key);
}

/** Names of the fields that any of the series has had. */
function fieldNames({ index }: Database, refs: Int32Array): string[] {
  const sets = new Set<number>();
  for (const ref of refs) sets.add(index.series.fieldSet[ref]);
  const fields = new Set<number>();
  for (const set of sets) for (const field of index.fieldSets.list[set]) fields.add(field);
  return [...fields].map((id) => index.fields[id].name);
}

/**
 * The tags of GROUP BY: those named, and those that patterns mean among all that the measurements have in any policy.
 * Sorted, without repeats.
 */
function dimensionTags(
  dimensions: readonly Expression[],
  measurements: readonly { readonly name: string }[],
  databases: readonly Database[],
): string[] {
  const tags = new Set<string>();
  for (const dimension of dimensions) {
    if (dimension.kind === 'variable') tags.add(dimension.name);
    else if (dimension.kind === 'wildcard' || dimension.kind === 'regex') {
      const matches = dimension.kind === 'regex' ? matcherOf(dimension.pattern) : () => true;
      const names = new Set(measurements.map(({ name }) => name));
      for (const database of databases) {
        for (const key of tagKeyNames(database, names)) if (matches(key)) tags.add(key);
      }
    } else throw new VarveError('bad_request', 'GROUP BY of a cardinality takes tags only');
  }
  return [...tags].sort(compareBytes);
}
