/** SHOW FIELD KEYS of one retention policy: fields of measurements that have series, by the bytes of their names. */
import { FIELD_TYPE_NAMES } from '../../../batch/field-type.ts';
import type { ShowFieldKeysStatement } from '../ast.ts';
import type { StatementAnswer } from '../result.ts';
import type { StatementContext } from '../statement-context.ts';
import { answerOf, page, Turns, textSeries } from './answers.ts';
import { compareBytes } from './byte-order.ts';
import { measurementsOfGroups, sourceGroups } from './policies.ts';

export function showFieldKeys(statement: ShowFieldKeysStatement, context: StatementContext): StatementAnswer {
  const { sources, limit, offset } = statement;
  const groups = sourceGroups(context, statement.database || context.database, sources, false);
  const turns = new Turns(context, []);
  return answerOf(
    (async function* () {
      for (const { name, databases } of measurementsOfGroups(groups)) {
        await turns.next();
        const types = new Map<string, Set<string>>();
        for (const database of databases) {
          const { index } = database;
          for (const id of index.fieldsOfMeasurement(index.measurementId(name))) {
            const field = index.fields[id];
            const known = types.get(field.name);
            if (known === undefined) types.set(field.name, new Set([FIELD_TYPE_NAMES[field.type]]));
            else known.add(FIELD_TYPE_NAMES[field.type]);
          }
        }
        const all = [...types].flatMap(([field, each]) => [...each].map((type) => [field, type] as const));
        const rows = page(
          all.sort(([a], [b]) => compareBytes(a, b)),
          limit,
          offset,
        );
        if (rows.length === 0) continue;
        yield textSeries(name, ['fieldKey', 'fieldType'], [rows.map(([field]) => field), rows.map(([, type]) => type)]);
      }
    })(),
  );
}
