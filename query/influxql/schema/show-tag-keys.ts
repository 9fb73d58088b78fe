/** SHOW TAG KEYS, over all retention policies of a database. */
import type { ShowTagKeysStatement } from '../ast.ts';
import type { StatementAnswer } from '../result.ts';
import type { StatementContext } from '../statement-context.ts';
import { answerOf, emptyAnswer, page, Turns, textSeries } from './answers.ts';
import { mergeSorted } from './byte-order.ts';
import { indexCondition } from './index-condition.ts';
import { LiveSchemas } from './live-schemas.ts';
import { anyPartition } from './partitions.ts';
import { nameTest, policiesOf } from './policies.ts';
import { tagKeysOf } from './tag-values.ts';
import { splitTimes } from './times.ts';

export function showTagKeys(statement: ShowTagKeysStatement, context: StatementContext): StatementAnswer {
  const databases = policiesOf(context, statement.database || context.database);
  const times = splitTimes(statement.condition, context);
  if (!anyPartition(databases, times)) return emptyAnswer();
  const { names, sets } = indexCondition(databases, times.condition);
  const isMeant = nameTest(statement.sources);
  const { limit, offset } = statement;
  const turns = new Turns(context, databases);
  const schemas = databases.map((database) => new LiveSchemas(database));
  return answerOf(
    (async function* () {
      for (const name of names) {
        if (!isMeant(name)) continue;
        await turns.next();
        const lists = databases.map((database, i) => {
          const { index } = database;
          const id = index.measurementId(name);
          if (id < 0) return [];
          const set = sets?.get(database);
          const keys = set === undefined ? schemas[i].tagKeys(id) : tagKeysOf(database, set.of(name));
          return Array.from(keys, (key) => index.series.tagKeys.string(key));
        });
        const keys = page(mergeSorted(lists), limit, offset);
        if (keys.length > 0) yield textSeries(name, ['tagKey'], [keys]);
      }
    })(),
  );
}
