/**
 * Plans of statements that were run before, for as long as their trees are kept (../parser/statement-cache.ts): a small
 * query takes less time than its planning.
 *
 * A plan is used again where it would come out the same: for the same database and policy of the request, while the schema
 * says of the statement's sources what it said then, and if now() does not matter to it. It is never changed once made;
 * what a run needs to remember is in its `Run`.
 */
import type { Engine } from '../../../engine/engine.ts';
import type { Expression, MeasurementSource, SelectStatement } from '../ast.ts';
import type { CheckedSelect } from '../front/check-select.ts';
import { someExpression } from '../front/expressions.ts';
import type { EngineSchema, FieldsAndTags } from '../schema/schema-view.ts';
import type { SelectContext } from './context.ts';
import type { PlannedSelect } from './select.ts';

/** Plans of more fields than that are large, and their queries are not small. */
const MOST_FIELDS = 200;

interface KeptPlan {
  readonly planned: PlannedSelect;
  readonly engine: Engine;
  readonly database: string;
  readonly retentionPolicy: string;
  /** What the schema was asked, and said. */
  readonly schema: readonly (readonly [MeasurementSource, FieldsAndTags])[];
}

const kept = new WeakMap<SelectStatement, KeptPlan>();

/** The plan of a statement, if one is kept that still holds. */
export function keptPlan(
  statement: SelectStatement,
  { engine, database, retentionPolicy }: SelectContext,
  schema: EngineSchema,
): PlannedSelect | null {
  const known = kept.get(statement);
  if (known === undefined || known.engine !== engine) return null;
  if (known.database !== database || known.retentionPolicy !== retentionPolicy) return null;
  return known.schema.every(([source, said]) => isSame(schema.fieldsAndTags(source), said)) ? known.planned : null;
}

/** Keeps a plan, if it may be used again. */
export function keepPlan(
  statement: SelectStatement,
  { engine, database, retentionPolicy, nowNs }: SelectContext,
  checked: CheckedSelect,
  schema: EngineSchema,
  planned: PlannedSelect,
): void {
  if (planned.level.fields.length > MOST_FIELDS || mattersNow(statement, checked, nowNs)) return;
  kept.set(statement, { planned, engine, database, retentionPolicy, schema: [...schema.asked] });
}

function mattersNow(statement: SelectStatement, { maxNs }: CheckedSelect, nowNs: bigint): boolean {
  // Windows without an upper bound end now, and those of subqueries may.
  if (maxNs === nowNs || statement.sources.some(({ kind }) => kind === 'subquery')) return true;
  const { condition, dimensions } = statement;
  return [...(condition === null ? [] : [condition]), ...dimensions].some((each) => someExpression(each, isNow));
}

function isNow(node: Expression): boolean {
  return node.kind === 'call' && node.name === 'now';
}

function isSame(a: FieldsAndTags, b: FieldsAndTags): boolean {
  if (a.fields.size !== b.fields.size || a.tagKeys.size !== b.tagKeys.size) return false;
  for (const [name, type] of a.fields) if (b.fields.get(name) !== type) return false;
  for (const key of a.tagKeys) if (!b.tagKeys.has(key)) return false;
  return true;
}
