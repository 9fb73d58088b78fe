/** label_replace and label_join: they work on whole series, not on samples. */
import { VarveError } from '../../../errors/errors.ts';
import type { EvaluationContext } from '../context.ts';
import { METRIC_NAME } from '../labels.ts';
import { isLabelName } from '../matcher.ts';
import { mergeSameLabels } from '../merge.ts';
import type { Call } from '../parser/ast.ts';
import type { Grid, SeriesColumn, VectorValue } from '../value.ts';
import { stringArg, vectorArg } from './arguments.ts';
import { labelPattern, templateParts } from './label-pattern.ts';

/** Characters: far beyond what a person reads, and what a pattern goes through in moments. */
const LONGEST_VALUE = 65_536;

export function labelReplace(ctx: EvaluationContext, call: Call, grid: Grid): VectorValue {
  const target = stringArg(call, 1);
  const template = stringArg(call, 2);
  const source = stringArg(call, 3);
  const pattern = stringArg(call, 4);
  const regex = labelPattern(pattern);
  if (regex === null) throw executionError(`invalid regular expression in label_replace(): ${pattern}`);
  if (!isLabelName(target)) throw executionError(`invalid destination label name in label_replace(): ${target}`);
  const vector = vectorArg(ctx, call, 0, grid);
  const parts = templateParts(template);
  const namesNone = parts.every(({ group }) => group === null);
  for (const column of vector.series) {
    ctx.budget.checkpoint();
    const text = column.labels.get(source);
    // Whether it matches is found out a hundred times faster than where its groups are.
    if (!regex.testExact(text)) continue;
    const matcher = regex.matcher(text);
    if (!namesNone) matcher.matches();
    const value = parts.map(({ group, text }) => {
      if (group === null) return text;
      // What begins with a zero is a name.
      const index = /^(0|[1-9]\d*)$/.test(group) ? Number(group) : null;
      if (index !== null) return index <= matcher.groupCount() ? (matcher.group(index) ?? '') : '';
      return group in regex.namedGroups() ? (matcher.group(group) ?? '') : '';
    });
    setLabel(ctx, column, target, value, '');
  }
  return { kind: 'vector', series: mergeSameLabels(vector.series) };
}

export function labelJoin(ctx: EvaluationContext, call: Call, grid: Grid): VectorValue {
  const target = stringArg(call, 1);
  const separator = stringArg(call, 2);
  const sources = call.args.slice(3).map((_, i) => stringArg(call, i + 3));
  for (const source of sources) {
    if (!isLabelName(source)) throw executionError(`invalid source label name in label_join(): ${source}`);
  }
  if (!isLabelName(target)) throw executionError(`invalid destination label name in label_join(): ${target}`);
  const vector = vectorArg(ctx, call, 0, grid);
  for (const column of vector.series) {
    ctx.budget.checkpoint();
    const values = sources.map((source) => column.labels.get(source));
    setLabel(ctx, column, target, values, separator);
  }
  return { kind: 'vector', series: mergeSameLabels(vector.series) };
}

/** Texts, joined, as a label. Their length is looked at first: a few nested calls could double it beyond all memory. */
function setLabel(
  { budget }: EvaluationContext,
  column: SeriesColumn,
  target: string,
  values: readonly string[],
  separator: string,
): void {
  let length = separator.length * Math.max(0, values.length - 1);
  for (const value of values) length += value.length;
  if (length > LONGEST_VALUE) {
    throw executionError(`label value in ${target} would have ${length} characters, ${LONGEST_VALUE} is the most`);
  }
  budget.makeText(length);
  column.labels = column.labels.with(target, values.join(separator));
  // A name that is given on purpose stays.
  if (target === METRIC_NAME) column.dropName = false;
}

function executionError(message: string): VarveError {
  return new VarveError('unprocessable', message);
}
