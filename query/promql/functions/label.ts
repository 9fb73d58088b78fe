/** label_replace and label_join: they work on whole series, not on samples. */
import { RE2JS } from 're2js';

import { VarveError } from '../../../errors/errors.ts';
import type { EvaluationContext } from '../context.ts';
import { METRIC_NAME } from '../labels.ts';
import { isLabelName } from '../matcher.ts';
import { mergeSameLabels } from '../merge.ts';
import type { Call } from '../parser/ast.ts';
import type { Grid, SeriesColumn, VectorValue } from '../value.ts';
import { stringArg, vectorArg } from './arguments.ts';

export function labelReplace(ctx: EvaluationContext, call: Call, grid: Grid): VectorValue {
  const target = stringArg(call, 1);
  const template = stringArg(call, 2);
  const source = stringArg(call, 3);
  const pattern = stringArg(call, 4);
  let regex: RE2JS;
  try {
    regex = RE2JS.compile(pattern, RE2JS.DOTALL);
  } catch {
    throw executionError(`invalid regular expression in label_replace(): ${pattern}`);
  }
  if (!isLabelName(target)) throw executionError(`invalid destination label name in label_replace(): ${target}`);
  const vector = vectorArg(ctx, call, 0, grid);
  for (const column of vector.series) {
    const matcher = regex.matcher(column.labels.get(source));
    if (!matcher.matches()) continue;
    const value = expandTemplate(template, (group) => {
      // What begins with a zero is a name.
      const index = /^(0|[1-9]\d*)$/.test(group) ? Number(group) : null;
      if (index !== null) return index <= matcher.groupCount() ? matcher.group(index) : null;
      return group in regex.namedGroups() ? matcher.group(group) : null;
    });
    setLabel(column, target, value);
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
    setLabel(column, target, sources.map((source) => column.labels.get(source)).join(separator));
  }
  return { kind: 'vector', series: mergeSameLabels(vector.series) };
}

function setLabel(column: SeriesColumn, target: string, value: string): void {
  column.labels = column.labels.with(target, value);
  // A name that is given on purpose stays.
  if (target === METRIC_NAME) column.dropName = false;
}

/** `$1`, `${1}`, `$name`, `${name}` and `$$`, as Go's Regexp.Expand reads them: the longest name wins. */
function expandTemplate(template: string, groupText: (group: string) => string | null): string {
  return template.replaceAll(
    /\$(?:\$|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu,
    (whole, braced?: string, plain?: string) => {
      const group = braced ?? plain;
      if (group === undefined) return whole === '$$' ? '$' : whole;
      return groupText(group) ?? '';
    },
  );
}

function executionError(message: string): VarveError {
  return new VarveError('unprocessable', message);
}
