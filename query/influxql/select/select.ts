/**
 * SELECT over the engine: a statement becomes a plan, the plan's groups are evaluated one after the other, and their rows
 * leave as chunks, or are written INTO a measurement.
 */
import { VarveError } from '../../../errors/errors.ts';
import type { Expression, SelectStatement } from '../ast.ts';
import { checkSelect } from '../front/check-select.ts';
import { columnNames } from '../front/column-names.ts';
import { conditionOf } from '../front/condition.ts';
import { rewriteSelect } from '../front/rewrite.ts';
import { typeOf } from '../front/types.ts';
import type { FieldKind } from '../functions/kernel.ts';
import { FUNCTIONS } from '../functions/table.ts';
import type { ResultSeries, StatementAnswer } from '../result.ts';
import { type EngineSchema, schemaViewOf } from '../schema/schema-view.ts';
import { answerColumn } from './answer-column.ts';
import { sliceColumn } from './column.ts';
import type { SelectContext } from './context.ts';
import type { Rows } from './frame.ts';
import { type Group, groupsOf } from './groups.ts';
import { intervalOf } from './interval.ts';
import { IntoWriter } from './into.ts';
import { isMath } from './math.ts';
import type { Level } from './plan.ts';
import { keepPlan, keptPlan } from './plan-cache.ts';
import { type PlanFront, planStatement, readBounds } from './planner.ts';
import { levelRows } from './rows.ts';
import { Run } from './run.ts';
import { shownFill } from './shown-fill.ts';
import { MIN_NS } from './time.ts';
import { windowOf } from './window.ts';
import { zoneOf } from './zone.ts';

/**
 * Answers a SELECT. The series come as they are computed; what is thrown on the way is the statement's error.
 * @throws VarveError with InfluxDB's text for a statement that cannot be run.
 */
export function executeSelect(statement: SelectStatement, context: SelectContext): StatementAnswer {
  return { series: answer(statement, context), messages: [] };
}

async function* answer(statement: SelectStatement, context: SelectContext): AsyncGenerator<ResultSeries> {
  const planned = planSelect(statement, context);
  const run = new Run(context, levelRows, readBounds(planned.level));
  if (statement.into !== null) {
    yield await writeInto(planned, run);
    return;
  }
  for (const group of run.found(groupsOf(planned.level, context))) {
    if (run.due) await run.pause();
    yield* seriesOf(planned, group, run);
  }
}

/** A statement ready to be run. */
export interface PlannedSelect {
  readonly level: Level;
  /** Name of the column of times. */
  readonly timeName: string;
}

/** Checks, rewrites and plans a statement. */
export function planSelect(statement: SelectStatement, context: SelectContext): PlannedSelect {
  const schema = schemaViewOf((database, policy) => context.resolve(database, policy) ?? undefined);
  const planned = keptPlan(statement, context, schema) ?? makePlan(statement, context, schema);
  refuseTooManyWindows(planned.level, context.limits.maxSelectBuckets);
  return planned;
}

function makePlan(statement: SelectStatement, context: SelectContext, schema: EngineSchema): PlannedSelect {
  const { nowNs } = context;
  const checked = checkSelect(statement, nowNs);
  const rewritten = rewriteSelect(checked.statement, schema);
  const front: PlanFront = {
    conditionOf: ({ condition, timezone }) => conditionOf(condition, { nowNs, timezone }),
    columnNames,
    kindOf,
    intervalOf: (select) => intervalOf(select, nowNs),
    zoneOf: ({ timezone }) => (timezone === null ? null : zoneOf(timezone)),
    isMath,
    isSelector: (name) => {
      const kind = FUNCTIONS.get(name)?.kind;
      return kind === 'selector' || (kind === 'rows' && name !== 'distinct');
    },
    nowNs,
  };
  // Bounds beyond 64 bits come round again, as in InfluxDB.
  const level = planStatement(rewritten, front, BigInt.asIntN(64, checked.minNs), BigInt.asIntN(64, checked.maxNs));
  const planned = { level, timeName: checked.timeColumn };
  keepPlan(statement, context, checked, schema, planned);
  return planned;
}

function kindOf(expression: Expression): FieldKind | null {
  const type = typeOf(expression, [], null);
  return type === 'tag' ? 'string' : type;
}

function refuseTooManyWindows({ options, calls }: Level, limit: number): void {
  const { windowing } = options;
  const { durationNs } = windowing.interval;
  if (limit === 0 || calls.length === 0 || durationNs === 0n || windowing.minNs <= MIN_NS) return;
  const first = windowOf(windowing, windowing.minNs).startNs;
  const last = windowOf(windowing, windowing.maxNs - 1n).startNs;
  const windows = (last - first + durationNs) / durationNs;
  if (windows > BigInt(limit)) {
    throw new VarveError('bad_request', `max-select-buckets limit exceeded: (${windows}/${limit})`);
  }
}

/** The series of one group, in chunks; each waits until it is known whether another follows. */
async function* seriesOf(planned: PlannedSelect, group: Group, run: Run): AsyncGenerator<ResultSeries> {
  const { level, timeName } = planned;
  const { chunkRows } = run.context;
  const { groupBy } = level.options;
  const tags = groupBy.length === 0 ? null : groupBy.map((key, i) => [key, group.tags.values[i]] as const);
  const columns = [timeName, ...level.fields.map(({ name }) => name)];
  let held: ResultSeries | null = null;
  for await (const rows of run.rowsOf(level, group)) {
    for (let from = 0; from < rows.rows; from += chunkRows) {
      if (held !== null) {
        yield { ...held, partial: true };
        run.resumed();
      }
      const to = Math.min(rows.rows, from + chunkRows);
      held = {
        name: group.name,
        tags,
        columns,
        values: valuesOf(level, rows, from, to),
        rows: to - from,
        partial: false,
      };
    }
  }
  if (held === null) return;
  yield held;
  run.resumed();
}

function valuesOf(level: Level, rows: Rows, from: number, to: number): ResultSeries['values'] {
  const { timezone } = level.statement;
  const whole = from === 0 && to === rows.rows;
  const time = {
    kind: 'time' as const,
    sec: rows.sec.subarray(from, to),
    nano: rows.nano.subarray(from, to),
    timezone,
  };
  return [
    time,
    ...rows.columns.map((column, i) =>
      answerColumn(whole ? column : sliceColumn(column, from, to), to - from, shownFill(level, i)),
    ),
  ];
}

/** Writes all rows and says how many. */
async function writeInto({ level }: PlannedSelect, run: Run): Promise<ResultSeries> {
  const writer = new IntoWriter(run.context, level.statement.into!);
  for (const group of run.found(groupsOf(level, run.context))) {
    if (run.due) await run.pause();
    for await (const rows of run.rowsOf(level, group)) {
      await writer.write(level, group, rows);
      run.resumed();
    }
  }
  await writer.finish();
  return {
    name: 'result',
    tags: null,
    columns: ['time', 'written'],
    values: [
      { kind: 'time', sec: new Float64Array(1), nano: new Float64Array(1) },
      { kind: 'integer', values: Float64Array.of(writer.written), wide: null, present: null },
    ],
    rows: 1,
    partial: false,
  };
}
