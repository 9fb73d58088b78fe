/** What recording and alerting rules have in common: their definition, how they did last, and how they are evaluated. */
import { evaluateQuery, type QueryOptions } from '../query/promql/evaluate.ts';
import { EMPTY_LABELS, type Labels } from '../query/promql/labels.ts';
import type { Expr } from '../query/promql/parser/ast.ts';
import { parseExpression } from '../query/promql/parser/parser.ts';
import type { Querier } from '../query/promql/querier.ts';
import type { VectorSample } from './alert-template.ts';
import type { RuleDefinition } from './rule-file.ts';
import type { RuleSample } from './storage.ts';

export type RuleHealth = 'unknown' | 'ok' | 'err';

/** What an evaluation may use. */
export interface RuleEnvironment {
  readonly querier: () => Querier;
  readonly queryOptions: QueryOptions;
  readonly externalLabels: readonly (readonly [string, string])[];
  readonly externalUrl: string;
}

export interface Rule {
  readonly definition: RuleDefinition;
  /** The expression as Prometheus prints it. */
  readonly query: string;
  health: RuleHealth;
  lastError: string;
  /** Ms that the last evaluation took. */
  evaluationMs: number;
  /** Wall time of the last evaluation, ms; null before the first. */
  lastEvaluationMs: number | null;
  /** Series of the last evaluation that was stored, by their key. */
  previousSeries: Map<string, Labels>;
  /**
   * Evaluates at `timeMs`, over the data of `timeMs - queryOffsetMs`, and returns what is to be stored. Throws when
   * that cannot be done.
   * @param limit the most series or alerts; 0 is no limit.
   */
  evaluate(timeMs: number, queryOffsetMs: number, limit: number, environment: RuleEnvironment): Promise<RuleSample[]>;
}

/** The samples of an instant query; a scalar is one sample without labels. */
export async function instantVector(
  expr: Expr,
  timeMs: number,
  { querier, queryOptions }: RuleEnvironment,
  query = '',
): Promise<VectorSample[]> {
  const times = { startMs: timeMs, endMs: timeMs, stepMs: 0 };
  const { value } = await evaluateQuery(expr, times, querier(), queryOptions, query);
  switch (value.kind) {
    case 'vector':
      return value.series
        .filter(({ present }) => present[0] === 1)
        .map((series) => ({ labels: series.labels, value: series.values[0] }));
    case 'scalar':
      return [{ labels: EMPTY_LABELS, value: value.values[0] }];
    default:
      throw new Error('rule result is not a vector or scalar');
  }
}

/** Parses and evaluates a query, as templates of alerts do. */
export async function instantVectorOf(
  query: string,
  timeMs: number,
  environment: RuleEnvironment,
): Promise<VectorSample[]> {
  return instantVector(parseExpression(query), timeMs, environment, query);
}
