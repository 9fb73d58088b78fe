/**
 * What rights a statement needs, and the refusal where they are missing. All statements of a request are checked before the
 * first one runs, as in InfluxDB, whose texts the errors have.
 *
 * Statements need what they need in InfluxDB, and where that one lets somebody look into a database without a right on it,
 * the right: for every source of a SHOW, for cardinalities, and to write for a continuous query. Lists (databases,
 * continuous queries, running queries) need nothing, and show what the asker may see.
 */
import type { Need } from '../../access/privilege.ts';
import type { Rights } from '../../access/rights.ts';
import { VarveError } from '../../errors/errors.ts';
import type { MeasurementSource, SelectStatement, Statement } from './ast.ts';
import { printStatement } from './print-statement.ts';

/** A right, on a database; '' is the request's. */
type Required = readonly [need: Need, database: string];

const ADMIN: readonly Required[] = [['admin', '']];

/**
 * Throws `forbidden` with InfluxDB's text unless somebody may run all statements.
 * @param database the one that the request names.
 */
export function authorizeStatements(statements: readonly Statement[], rights: Rights, database: string): void {
  for (const statement of statements) {
    for (const [need, of] of requiredBy(statement)) {
      const name = of === '' ? database : of;
      if (rights.may(need, name)) continue;
      const missing = need === 'admin' ? 'admin privilege' : `${need.toUpperCase()} on ${name}`;
      throw new VarveError(
        'forbidden',
        `error authorizing query: ${rights.name} not authorized to execute statement '${printStatement(statement)}', requires ${missing}`,
      );
    }
  }
}

/** The rights that a statement needs, in the order in which their lack is told. What is not known here is an administrator's. */
export function requiredBy(statement: Statement): readonly Required[] {
  switch (statement.kind) {
    case 'select':
      return ofSelect(statement);
    case 'explain':
      return ofSelect(statement.statement);
    case 'create continuous query':
      return [...ofSelect(statement.select, statement.database), ['write', statement.database]];
    case 'show measurements': {
      const own = statement.source === null ? [] : ofSources([statement.source], 'read');
      return [['read', statement.database], ...ofSources(statement.sources, 'read'), ...own];
    }
    case 'show series':
    case 'show tag keys':
    case 'show tag values':
    case 'show field keys':
    case 'show cardinality':
      return [['read', statement.database], ...ofSources(statement.sources, 'read')];
    case 'show retention policies':
      return [['read', statement.database]];
    case 'delete':
    case 'drop series':
      return [['write', ''], ...ofSources(statement.sources, 'write')];
    case 'drop retention policy':
    case 'drop continuous query':
      return [['write', statement.database]];
    case 'show databases':
    case 'show continuous queries':
    case 'show queries':
      return [];
    default:
      return ADMIN;
  }
}

function ofSelect({ sources, into }: SelectStatement, keptIn = ''): Required[] {
  const required: Required[] = [];
  for (const source of sources) {
    if (source.kind === 'subquery') required.push(...ofSelect(source.statement, keptIn));
    else required.push(...ofPlace(source, 'read', keptIn));
  }
  if (into !== null) required.push(...ofPlace(into.measurement, 'write', keptIn));
  return required;
}

/** A measurement without a database is of the request's; in a continuous query, possibly of the one that it is kept in. */
function ofPlace({ database }: MeasurementSource, need: Need, keptIn: string): Required[] {
  if (database !== '') return [[need, database]];
  return keptIn === ''
    ? [[need, '']]
    : [
        [need, ''],
        [need, keptIn],
      ];
}

function ofSources(sources: readonly MeasurementSource[], need: Need): Required[] {
  return sources.filter(({ database }) => database !== '').map(({ database }): Required => [need, database]);
}
