/** The labels that absent() can tell from its argument: those that a selector matches exactly. */
import { EMPTY_LABELS, type Labels, labelsFromPairs, METRIC_NAME } from './labels.ts';
import type { Expr } from './parser/ast.ts';

export function absentLabels(arg: Expr): Labels {
  let expr = arg;
  if (expr.type === 'stepInvariant') expr = expr.expr;
  if (expr.type === 'matrixSelector') expr = expr.vector;
  if (expr.type !== 'vectorSelector') return EMPTY_LABELS;
  const found = new Map<string, string>();
  const seen = new Set<string>();
  for (const { name, op, value } of expr.matchers) {
    if (name === METRIC_NAME) continue;
    // A label that is matched twice tells nothing.
    if (op === '=' && !seen.has(name)) {
      found.set(name, value);
      seen.add(name);
    } else {
      found.delete(name);
    }
  }
  return labelsFromPairs(found);
}
