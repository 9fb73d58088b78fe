/**
 * SHOW SERIES. Without a time it goes over the index of all retention policies of a database. With one it means series
 * with rows in partitions of that time, and of the source's own policy.
 */

import type { Database } from '../../../engine/database.ts';
import type { Expression, ShowSeriesStatement } from '../ast.ts';
import type { ResultSeries, StatementAnswer } from '../result.ts';
import type { StatementContext } from '../statement-context.ts';
import { answerOf, CHUNK_ROWS, emptyAnswer, Turns, textSeries } from './answers.ts';
import { compareBytes } from './byte-order.ts';
import { refuseOtherOperators } from './condition.ts';
import { seriesWithin } from './partitions.ts';
import { measurementsOfGroups, type NamedMeasurement, sourceGroups } from './policies.ts';
import { SeriesSorter } from './series-order.ts';
import { type FieldRule, SeriesSets } from './series-sets.ts';
import { splitTimes } from './times.ts';

const decoder = new TextDecoder();

export function showSeries(statement: ShowSeriesStatement, context: StatementContext): StatementAnswer {
  const { condition, minNs, maxNs, hasTime } = splitTimes(statement.condition, context);
  const groups = sourceGroups(context, statement.database || context.database, statement.sources, !hasTime);
  if (!hasTime) {
    refuseOtherOperators(condition);
    return answerOf(keysOf(measurementsOfGroups(groups), selector(condition, 'all', null), statement, context));
  }
  // The keys come at the epoch: a range that ends before it leaves none of them.
  if (maxNs < 0n) return emptyAnswer();
  const within = (database: Database) => seriesWithin(database, { minNs, maxNs });
  return answerOf(keysOf(measurementsOfGroups(groups), selector(condition, 'none', within), statement, context));
}

/** The series of a measurement that are meant, as a list that may be changed. */
type Selector = (database: Database, name: string) => Int32Array;

function selector(
  condition: Expression | null,
  fieldRule: FieldRule,
  within: ((database: Database) => Uint8Array) | null,
): Selector {
  const sets = new Map<Database, { sets: SeriesSets; within: Uint8Array | null }>();
  return (database, name) => {
    let known = sets.get(database);
    if (known === undefined) {
      // Without a time fields are not thought of.
      const meant = new SeriesSets(database, condition, fieldRule, { noFields: within === null });
      known = { sets: meant, within: within?.(database) ?? null };
      sets.set(database, known);
    }
    const refs = known.sets.of(name);
    const marks = known.within;
    return marks === null ? refs.slice() : refs.filter((ref) => marks[ref] === 1);
  };
}

async function* keysOf(
  measurements: readonly NamedMeasurement[],
  select: Selector,
  { limit, offset }: ShowSeriesStatement,
  context: StatementContext,
): AsyncGenerator<ResultSeries> {
  let toSkip = offset;
  let left = limit === 0 ? Infinity : limit;
  let keys: string[] = [];
  const sorters = new Map<Database, SeriesSorter>();
  const turns = new Turns(context, [...new Set(measurements.flatMap(({ databases }) => databases))]);
  for (const { name, databases } of measurements) {
    await turns.next();
    for (const list of keyLists(name, databases, select, sorters)) {
      const from = Math.min(toSkip, list.length);
      toSkip -= from;
      for (let i = from; i < list.length && left > 0; i++) {
        if (keys.length === CHUNK_ROWS) {
          yield textSeries('', ['key'], [keys], true);
          await turns.next();
          keys = [];
        }
        keys.push(list.at(i));
        left--;
      }
      if (left === 0) break;
    }
    if (left === 0) break;
  }
  if (keys.length > 0) yield textSeries('', ['key'], [keys]);
}

interface KeyList {
  readonly length: number;
  at(i: number): string;
}

/** Keys of one measurement's series, in order, in runs. */
function* keyLists(
  name: string,
  databases: readonly Database[],
  select: Selector,
  sorters: Map<Database, SeriesSorter>,
): Generator<KeyList> {
  const parts = databases
    .map((database) => ({ database, refs: select(database, name) }))
    .filter(({ refs }) => refs.length > 0);
  if (parts.length === 0) return;
  if (parts.length === 1) {
    const [{ database, refs }] = parts;
    const sorter = sorters.get(database) ?? new SeriesSorter(database);
    sorters.set(database, sorter);
    for (const run of sorter.inOrder(refs)) {
      yield { length: run.length, at: (i) => decoder.decode(database.index.seriesKey(run[i])) };
    }
    return;
  }
  // Policies may have the same series.
  const keys = new Map<string, readonly string[]>();
  for (const { database, refs } of parts) {
    for (const ref of refs) {
      const key = decoder.decode(database.index.seriesKey(ref));
      if (!keys.has(key)) keys.set(key, flatTags(database, ref));
    }
  }
  const sorted = [...keys].sort(([, a], [, b]) => compareTags(a, b)).map(([key]) => key);
  yield { length: sorted.length, at: (i) => sorted[i] };
}

/** Keys and values by turns. */
function flatTags(database: Database, ref: number): string[] {
  const { keys, values } = database.index.tags(ref);
  return keys.flatMap((key, i) => [key, values[i]]);
}

function compareTags(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const order = compareBytes(a[i], b[i]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
