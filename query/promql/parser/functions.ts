/** Signatures of all functions: what the type checker knows of them. Their evaluation is in ../functions/. */
import type { ValueType } from './ast.ts';

export interface FunctionSignature {
  readonly name: string;
  readonly args: readonly ValueType[];
  /** 0: exactly `args`; n > 0: the last may be left out or repeated, so that at most args - 1 + n come; -1: any number. */
  readonly variadic: number;
  readonly returns: ValueType;
  readonly experimental: boolean;
}

const table = new Map<string, FunctionSignature>();

function define(names: string, args: string, returns: ValueType, variadic = 0, experimental = false): void {
  const argTypes = args === '' ? [] : (args.split(' ') as ValueType[]);
  for (const name of names.split(' ')) table.set(name, { name, args: argTypes, variadic, returns, experimental });
}

define('abs ceil exp floor ln log10 log2 sgn sqrt', 'vector', 'vector');
define('acos acosh asin asinh atan atanh cos cosh deg rad sin sinh tan tanh', 'vector', 'vector');
define('absent timestamp sort sort_desc', 'vector', 'vector');
define('histogram_avg histogram_count histogram_sum histogram_stddev histogram_stdvar', 'vector', 'vector');
define('absent_over_time present_over_time avg_over_time count_over_time last_over_time', 'matrix', 'vector');
define('max_over_time min_over_time sum_over_time stddev_over_time stdvar_over_time', 'matrix', 'vector');
define('changes delta deriv idelta increase irate rate resets', 'matrix', 'vector');
define('first_over_time mad_over_time', 'matrix', 'vector', 0, true);
define(
  'ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time',
  'matrix',
  'vector',
  0,
  true,
);
define('quantile_over_time', 'scalar matrix', 'vector');
define('predict_linear', 'matrix scalar', 'vector');
define('double_exponential_smoothing', 'matrix scalar scalar', 'vector', 0, true);
define('clamp', 'vector scalar scalar', 'vector');
define('clamp_max clamp_min', 'vector scalar', 'vector');
define('round', 'vector scalar', 'vector', 1);
define('day_of_month day_of_week day_of_year days_in_month hour minute month year', 'vector', 'vector', 1);
define('histogram_fraction', 'scalar scalar vector', 'vector');
define('histogram_quantile', 'scalar vector', 'vector');
define('histogram_quantiles', 'vector string scalar scalar', 'vector', 9, true);
define('label_replace', 'vector string string string string', 'vector');
define('label_join', 'vector string string string', 'vector', -1);
define('sort_by_label sort_by_label_desc', 'vector string', 'vector', -1, true);
define('info', 'vector vector', 'vector', 1, true);
define('start_timestamp', 'vector', 'vector', 0, true);
define('scalar', 'vector', 'scalar');
define('vector', 'scalar', 'vector');
define('time pi', '', 'scalar');
define('start end step range', '', 'scalar', 0, true);
define('min_of max_of', 'scalar scalar', 'scalar', 0, true);

export function functionSignature(name: string): FunctionSignature | undefined {
  return table.get(name);
}
