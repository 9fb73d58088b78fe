/**
 * SHOW TAG VALUES, over all retention policies of a database. With a LIMIT only so many values are sorted and made
 * strings; without one they come in chunks.
 */
import type { Database } from '../../../engine/database.ts';
import { VarveError } from '../../../errors/errors.ts';
import type { Expression, ShowTagValuesStatement, TagKeyCondition } from '../ast.ts';
import type { ResultSeries, StatementAnswer } from '../result.ts';
import type { StatementContext } from '../statement-context.ts';
import { answerOf, CHUNK_ROWS, emptyAnswer, Turns, textSeries } from './answers.ts';
import { compareBytes, mergeSorted } from './byte-order.ts';
import { indexCondition } from './index-condition.ts';
import { LiveSchemas } from './live-schemas.ts';
import { anyPartition } from './partitions.ts';
import { matcherOf } from './patterns.ts';
import { nameTest, policiesOf } from './policies.ts';
import { sortedValues, tagKeyId, tagKeysOf } from './tag-values.ts';
import { splitTimes } from './times.ts';

const COLUMNS = ['key', 'value'];

export function showTagValues(statement: ShowTagValuesStatement, context: StatementContext): StatementAnswer {
  const databases = policiesOf(context, statement.database || context.database);
  const times = splitTimes(statement.condition, context);
  if (!anyPartition(databases, times)) return emptyAnswer();
  const { names, sets } = indexCondition(databases, times.condition);
  const isMeant = nameTest(statement.sources);
  // Of some measurements among many, looking at their series costs less than looking at all lists of tag keys.
  const areFew =
    statement.sources.length > 0 && statement.sources.every(({ regex }) => regex === null) && names.length > 1000;
  const known = new Map<Database, LiveSchemas>();
  const schemasOf = (database: Database): LiveSchemas => {
    const schemas = known.get(database) ?? new LiveSchemas(database);
    known.set(database, schemas);
    return schemas;
  };
  const turns = new Turns(context, databases);
  const ofKeys = keyTest(statement.keys);
  const alsoOfKeys = keyCondition(times.condition);
  const isWanted = (key: string) => ofKeys(key) && (alsoOfKeys === null || alsoOfKeys(key));
  return answerOf(
    (async function* () {
      for (const name of names) {
        if (!isMeant(name)) continue;
        await turns.next();
        const parts: Part[] = [];
        for (const database of databases) {
          const id = database.index.measurementId(name);
          if (id < 0) continue;
          const refs = sets?.get(database)?.of(name) ?? (areFew ? database.index.select(id, []) : null);
          if (refs === null || refs.length > 0) parts.push({ database, measurement: id, schemas: schemasOf, refs });
        }
        yield* valuesOf(name, parts, isWanted, statement, turns);
      }
    })(),
  );
}

/** The series of one measurement in one database. */
interface Part {
  readonly database: Database;
  readonly measurement: number;
  readonly schemas: (database: Database) => LiveSchemas;
  /** Null for all of the measurement. */
  readonly refs: Int32Array | null;
}

async function* valuesOf(
  name: string,
  parts: readonly Part[],
  isWanted: (key: string) => boolean,
  { limit, offset }: ShowTagValuesStatement,
  turns: Turns,
): AsyncGenerator<ResultSeries> {
  let toSkip = offset;
  let left = limit === 0 ? Infinity : limit;
  let keys: string[] = [];
  let values: string[] = [];
  for (const key of keyNames(parts).filter(isWanted)) {
    const list = valuesOfKey(parts, key, toSkip + left);
    const from = Math.min(toSkip, list.length);
    toSkip -= from;
    for (let i = from; i < list.length && left > 0; i++) {
      if (keys.length === CHUNK_ROWS) {
        yield textSeries(name, COLUMNS, [keys, values], true);
        await turns.next();
        keys = [];
        values = [];
      }
      keys.push(key);
      values.push(list.at(i));
      left--;
    }
    if (left === 0) break;
  }
  if (keys.length > 0) yield textSeries(name, COLUMNS, [keys, values]);
}

/** The tag keys of the series, sorted. */
function keyNames(parts: readonly Part[]): readonly string[] {
  return mergeSorted(
    parts.map(({ database, measurement, schemas, refs }) => {
      const keys = refs === null ? schemas(database).tagKeys(measurement) : tagKeysOf(database, refs);
      return Array.from(keys, (key) => database.index.series.tagKeys.string(key));
    }),
  );
}

/** Values in order, which become strings as they are asked for. */
interface ValueList {
  readonly length: number;
  at(i: number): string;
}

function valuesOfKey(parts: readonly Part[], key: string, count: number): ValueList {
  const lists = parts.map(({ database, measurement, schemas, refs }) => {
    const id = tagKeyId(database, key);
    if (id < 0) return null;
    const isOfAll = refs === null && schemas(database).isOnlyIn(measurement, id);
    return sortedValues(database, id, isOfAll ? null : (refs ?? database.index.select(measurement, [])), count);
  });
  const filled = lists.filter((list) => list !== null && list.ids.length > 0);
  if (filled.length === 1 && filled[0] !== null) {
    const { dictionary, ids } = filled[0];
    return { length: ids.length, at: (i) => dictionary.string(ids[i]) };
  }
  const texts = new Set<string>();
  for (const list of filled) if (list !== null) for (const id of list.ids) texts.add(list.dictionary.string(id));
  const sorted = [...texts].sort(compareBytes);
  return { length: sorted.length, at: (i) => sorted[i] };
}

/** WITH KEY as a test of a name. */
export function keyTest({ operator, names, regex }: TagKeyCondition): (key: string) => boolean {
  if (regex !== null) {
    const matches = matcherOf(regex.pattern);
    return operator === '=~' ? matches : (key) => !matches(key);
  }
  const set = new Set(names);
  return operator === '!=' ? (key) => !set.has(key) : (key) => set.has(key);
}

/** What a condition says of `_tagKey`; null when it does not. */
function keyCondition(expression: Expression | null): ((key: string) => boolean) | null {
  if (expression === null) return null;
  if (expression.kind === 'parentheses') return keyCondition(expression.inner);
  if (expression.kind !== 'binary') return null;
  const { operator, left, right } = expression;
  if (operator === 'AND' || operator === 'OR') {
    const first = keyCondition(left);
    const second = keyCondition(right);
    if (first === null || second === null) return first ?? second;
    return operator === 'AND' ? (key) => first(key) && second(key) : (key) => first(key) || second(key);
  }
  if (left.kind !== 'variable') throw new VarveError('bad_request', `left side of '${operator}' must be a tag key`);
  if (left.name !== '_tagKey') return null;
  const positive = operator === '=' || operator === '=~';
  if (right.kind === 'regex') {
    const matches = matcherOf(right.pattern);
    return (key) => matches(key) === positive;
  }
  return right.kind === 'string' ? (key) => (key === right.value) === positive : null;
}
