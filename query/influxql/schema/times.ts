/** Conditions without their times, which are taken out as the range that they mean. */
import type { Expression } from '../ast.ts';
import { conditionOf } from '../front/condition.ts';
import type { StatementContext } from '../statement-context.ts';
import { namesTime } from './condition.ts';
import type { TimeRange } from './partitions.ts';

/** What a condition is without its times. */
export interface SplitCondition extends TimeRange {
  readonly condition: Expression | null;
  readonly hasTime: boolean;
}

/** Throws `bad_request` for conditions that cannot be taken apart. */
export function splitTimes(condition: Expression | null, { nowNs }: StatementContext): SplitCondition {
  const split = conditionOf(condition, { nowNs, timezone: null });
  return { condition: split.condition, minNs: split.minNs, maxNs: split.maxNs, hasTime: namesTime(condition) };
}
