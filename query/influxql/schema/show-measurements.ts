/** SHOW MEASUREMENTS, over all retention policies of a database. */
import { VarveError } from '../../../errors/errors.ts';
import type { ShowMeasurementsStatement } from '../ast.ts';
import type { StatementAnswer } from '../result.ts';
import type { StatementContext } from '../statement-context.ts';
import { emptyAnswer, listAnswer, page, textSeries } from './answers.ts';
import { filterMeasurements, namesTime } from './condition.ts';
import { measurementsByTag } from './index-condition.ts';
import { measurementNames, nameTest, policiesIfAny } from './policies.ts';

export function showMeasurements(statement: ShowMeasurementsStatement, context: StatementContext): StatementAnswer {
  const { condition, source, limit, offset } = statement;
  if (namesTime(condition)) {
    throw new VarveError('bad_request', "SHOW MEASUREMENTS doesn't support time in WHERE clause");
  }
  const databases = policiesIfAny(context, statement.database || context.database);
  let names = measurementNames(databases).filter(nameTest(source === null ? [] : [source]));
  if (condition !== null) names = [...filterMeasurements(names, condition, measurementsByTag(databases, names))];
  const shown = page(names, limit, offset);
  if (shown.length === 0) return emptyAnswer();
  return listAnswer([textSeries('measurements', ['name'], [shown])]);
}
