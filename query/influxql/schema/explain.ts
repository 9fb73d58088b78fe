/**
 * EXPLAIN: for every expression that is read from a measurement, what it would have to look at. EXPLAIN ANALYZE runs the
 * statement and says how long it took.
 *
 * Shards are partitions and blocks row groups. A row group may hold several short series: the size is then their share.
 */
import type { Database } from '../../../engine/database.ts';
import { countRows } from '../../../memtable/read.ts';
import { goDuration, nsOfMs } from '../../go-math/go-duration.ts';
import type { CallNode, ExplainStatement, Expression, MeasurementSource, SelectStatement } from '../ast.ts';
import { conditionOf } from '../front/condition.ts';
import { rewriteSelect } from '../front/rewrite.ts';
import { printExpression, printSelect } from '../print.ts';
import type { ResultSeries, StatementAnswer } from '../result.ts';
import { executeSelect, planSelect } from '../select/select.ts';
import type { StatementContext } from '../statement-context.ts';
import { answerOf, listAnswer, textSeries } from './answers.ts';
import { overlaps, partitionsOf, type TimeRange } from './partitions.ts';
import { schemaViewOf } from './schema-view.ts';
import { SeriesSets } from './series-sets.ts';

export function explain({ analyze, statement }: ExplainStatement, context: StatementContext): StatementAnswer {
  if (analyze) return answerOf(analysis(statement, context));
  // What cannot be run cannot be explained either.
  planSelect(statement, context);
  const schema = schemaViewOf((database, policy) => context.resolve(database, policy));
  const nodes = nodesOf(rewriteSelect(statement, schema), context);
  const lines = nodes.flatMap((node, i) => (i === 0 ? node : ['', ...node]));
  return listAnswer([textSeries('', ['QUERY PLAN'], [lines.length === 0 ? [''] : lines])]);
}

/** The lines of each expression read. */
function nodesOf(statement: SelectStatement, context: StatementContext): string[][] {
  const { condition, minNs, maxNs } = conditionOf(statement.condition, {
    nowNs: context.nowNs,
    timezone: statement.timezone,
  });
  return statement.sources.flatMap((source) => {
    if (source.kind === 'subquery') return nodesOf(source.statement, context);
    const costs = costLines(source, condition, { minNs, maxNs }, context);
    if (costs === null) return [];
    const expressions = statement.fields.map((field) => field.expression);
    const calls = new Map<string, CallNode>();
    const names = new Set<string>();
    for (const expression of expressions) collect(expression, calls, names);
    const aux = names.size === 0 ? [] : [`AUXILIARY FIELDS: ${[...names].sort().join(', ')}`];
    if (calls.size > 0) return [...calls.keys()].map((call) => [`EXPRESSION: ${call}`, ...aux, ...costs]);
    return names.size === 0 ? [] : [['EXPRESSION: <nil>', ...aux, ...costs]];
  });
}

/** The calls on fields, and the fields and tags outside of calls. */
function collect(expression: Expression, calls: Map<string, CallNode>, names: Set<string>): void {
  switch (expression.kind) {
    case 'call': {
      const inner = expression.arguments[0];
      if (inner?.kind === 'call' || inner?.kind === 'binary') collect(inner, calls, names);
      else calls.set(printExpression(expression), expression);
      break;
    }
    case 'variable':
      // Without a type it is neither a field nor a tag.
      if (expression.cast !== null && expression.name !== 'time') names.add(printExpression(expression));
      break;
    case 'binary':
      collect(expression.left, calls, names);
      collect(expression.right, calls, names);
      break;
    case 'parentheses':
      collect(expression.inner, calls, names);
      break;
  }
}

/** What reading the series of a source would cost; null when there is nothing to read. */
function costLines(
  source: MeasurementSource,
  condition: Expression | null,
  range: TimeRange,
  context: StatementContext,
): string[] | null {
  const database = context.resolve(source.database, source.retentionPolicy);
  if (database === null) return null;
  const sets = new SeriesSets(database, condition, 'all');
  const names = schemaViewOf(() => database).measurements(source);
  const lists = names.map((name) => sets.of(name)).filter((refs) => refs.length > 0);
  if (lists.length === 0) return null;
  const cost = costOf(database, lists, range);
  return [
    `NUMBER OF SHARDS: ${cost.shards}`,
    `NUMBER OF SERIES: ${cost.series}`,
    `CACHED VALUES: ${cost.cachedRows}`,
    `NUMBER OF FILES: ${cost.files}`,
    `NUMBER OF BLOCKS: ${cost.blocks}`,
    `SIZE OF BLOCKS: ${Math.round(cost.bytes)}`,
  ];
}

interface Cost {
  shards: number;
  series: number;
  /** Rows of the series in memory. */
  cachedRows: number;
  files: number;
  blocks: number;
  bytes: number;
}

function costOf(database: Database, lists: readonly Int32Array[], range: TimeRange): Cost {
  const isWanted = new Uint8Array(database.index.refLimit);
  const cost: Cost = { shards: 0, series: 0, cachedRows: 0, files: 0, blocks: 0, bytes: 0 };
  for (const refs of lists) {
    cost.series += refs.length;
    for (const ref of refs) isWanted[ref] = 1;
  }
  const starts = new Set<number>();
  for (const partition of partitionsOf(database)) if (overlaps(partition, range)) starts.add(partition.startSec);
  cost.shards = starts.size;
  for (const { name, partitionStartSec, sizeBytes, seriesCount } of database.manifest.files.values()) {
    if (!starts.has(partitionStartSec)) continue;
    const series = database.files.look(name, (file) => {
      let found = 0;
      for (const ref of file.refs) {
        if (isWanted[ref] === 0) continue;
        found++;
        cost.blocks += file.groupsAt(file.find(ref)).length;
      }
      return found;
    });
    if (series > 0) cost.files++;
    cost.bytes += (sizeBytes * series) / Math.max(1, seriesCount);
  }
  for (const memtable of [...database.frozen, database.active]) {
    const view = memtable.view();
    for (const partition of memtable.partitions.keys()) {
      if (!starts.has(partition * database.partitionDurationSec)) continue;
      for (const refs of lists) for (const ref of refs) cost.cachedRows += countRows(view, ref, partition);
    }
  }
  return cost;
}

async function* analysis(statement: SelectStatement, context: StatementContext): AsyncGenerator<ResultSeries> {
  const plannedFromMs = performance.now();
  planSelect(statement, context);
  const planningMs = performance.now() - plannedFromMs;
  const startedMs = performance.now();
  let series = 0;
  let rows = 0;
  let isNew = true;
  for await (const part of executeSelect({ ...statement, into: null }, context).series) {
    if (isNew) series++;
    isNew = !part.partial;
    rows += part.rows;
  }
  const executionMs = performance.now() - startedMs;
  const text = (ms: number) => goDuration(nsOfMs(ms));
  const lines = [
    '.',
    '└── select',
    `    ├── execution_time: ${text(executionMs)}`,
    `    ├── planning_time: ${text(planningMs)}`,
    `    ├── total_time: ${text(executionMs + planningMs)}`,
    '    └── rows',
    '        ├── labels',
    `        │   └── statement: ${printSelect(statement)}`,
    `        ├── series: ${series}`,
    `        └── rows: ${rows}`,
    '',
  ];
  yield textSeries('', ['EXPLAIN ANALYZE'], [lines]);
}
