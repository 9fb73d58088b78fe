/**
 * All functions of InfluxQL that work on points of a group: kind, arguments, types, kernel. Math functions of one row are
 * in `math.ts`.
 */
import { VarveError } from '../../../errors/errors.ts';
import {
  countKernel,
  meanKernel,
  medianKernel,
  modeKernel,
  spreadKernel,
  stddevKernel,
  sumKernel,
} from './aggregate.ts';
import { holtWintersSteps, inOneGo } from './holt-winters.ts';
import { integralKernel } from './integral.ts';
import type { FieldKind, RowsKernel, SteppedKernel, StreamKernel, WindowKernel } from './kernel.ts';
import { bottomKernel, distinctKernel, sampleKernel, topKernel } from './rows.ts';
import { firstKernel, lastKernel, maxKernel, minKernel, percentileKernel } from './selector.ts';
import {
  cumulativeSumKernel,
  derivativeKernel,
  differenceKernel,
  elapsedKernel,
  movingAverageKernel,
  nonNegativeDerivativeKernel,
  nonNegativeDifferenceKernel,
} from './stream.ts';
import {
  adaptiveAverageKernel,
  doubleAverageKernel,
  efficiencyRatioKernel,
  exponentialAverageKernel,
  momentumKernel,
  relativeStrengthKernel,
  tripleAverageKernel,
  tripleDerivativeKernel,
} from './technical.ts';

interface EntryBase {
  readonly name: string;
  /** Arguments, the field included; `most` is infinite for top() and bottom(). */
  readonly least: number;
  readonly most: number;
  readonly accepts: readonly FieldKind[];
  /** 'same' is the type of the field. */
  readonly result: FieldKind | 'same';
  /** How influxd's texts about types call it. */
  readonly typeName: string;
  /**
   * `time`: points must come in the order of time (of the query's direction), those of one time in the order of influxd's
   * sorted merge. `any`: as the windows' points come, series by series; sums, means and deviations have last digits by it.
   */
  readonly order: 'time' | 'any';
  /** Whether the kernel reads the points' times. */
  readonly needsTimes: boolean;
}

/** Aggregates and selectors. */
export interface WindowEntry extends EntryBase {
  readonly kind: 'aggregate' | 'selector';
  readonly kernel: WindowKernel;
  /**
   * The function that merges results of parts (series, shards), for those that influxd computes per part: sum for count(),
   * itself for the others. Null: all points of a window are needed at once.
   */
  readonly mergedBy: string | null;
}

export interface RowsEntry extends EntryBase {
  readonly kind: 'rows';
  readonly kernel: RowsKernel;
  /** Whether rows have the times of their points even with GROUP BY time, or those of their windows. */
  readonly rowTime: 'point' | 'window';
}

export interface StreamEntry extends EntryBase {
  readonly kind: 'stream';
  readonly kernel: StreamKernel;
  /** The kernel in steps, where it may take long; else null. */
  readonly steps: SteppedKernel | null;
  /** Whether an aggregate may or must be its first argument. */
  readonly nests: 'may' | 'must' | 'never';
}

export type FunctionEntry = WindowEntry | RowsEntry | StreamEntry;

const NUMBERS: readonly FieldKind[] = ['float', 'integer', 'unsigned'];
const ORDERED: readonly FieldKind[] = [...NUMBERS, 'boolean'];
const ALL: readonly FieldKind[] = [...ORDERED, 'string'];
const SIGNED: readonly FieldKind[] = ['float', 'integer'];

type Types = Pick<EntryBase, 'accepts' | 'result'>;

function window(
  name: string,
  kind: 'aggregate' | 'selector',
  types: Types,
  kernel: WindowKernel,
  more: Partial<WindowEntry> = {},
): WindowEntry {
  const base = {
    name,
    least: 1,
    most: 1,
    typeName: name,
    order: 'any',
    needsTimes: kind === 'selector',
    mergedBy: null,
  };
  return { ...base, order: 'any', kind, ...types, kernel, ...more };
}

function rows(name: string, types: Types, kernel: RowsKernel, more: Partial<RowsEntry>): RowsEntry {
  const base = { name, least: 2, most: 2, typeName: name, needsTimes: true };
  return { ...base, order: 'time', rowTime: 'point', kind: 'rows', ...types, kernel, ...more };
}

function stream(name: string, types: Types, kernel: StreamKernel, more: Partial<StreamEntry>): StreamEntry {
  const base = { name, least: 1, most: 1, typeName: name.replaceAll('_', ' '), needsTimes: true };
  return { ...base, order: 'time', nests: 'may', kind: 'stream', ...types, kernel, steps: null, ...more };
}

const toFloat: Types = { accepts: NUMBERS, result: 'float' };
const numbers: Types = { accepts: NUMBERS, result: 'same' };
const ordered: Types = { accepts: ORDERED, result: 'same' };
const all: Types = { accepts: ALL, result: 'same' };
const counted: Types = { accepts: ALL, result: 'integer' };

const averaged = { least: 2, most: 4 };
const kaufman = { least: 2, most: 3 };

const ENTRIES: readonly FunctionEntry[] = [
  window('count', 'aggregate', counted, countKernel, { mergedBy: 'sum' }),
  window('sum', 'aggregate', numbers, sumKernel, { mergedBy: 'sum' }),
  window('mean', 'aggregate', toFloat, meanKernel, { mergedBy: 'mean' }),
  window('median', 'aggregate', toFloat, medianKernel, { order: 'time' }),
  // Its own text about types speaks of median.
  window('mode', 'aggregate', all, modeKernel, { needsTimes: true, typeName: 'median' }),
  window('spread', 'aggregate', numbers, spreadKernel),
  window('stddev', 'aggregate', toFloat, stddevKernel),
  window('min', 'selector', ordered, minKernel, { mergedBy: 'min' }),
  window('max', 'selector', ordered, maxKernel, { mergedBy: 'max' }),
  window('first', 'selector', all, firstKernel, { mergedBy: 'first' }),
  window('last', 'selector', all, lastKernel, { mergedBy: 'last' }),
  window('percentile', 'selector', numbers, percentileKernel, { least: 2, most: 2, order: 'time' }),
  rows('top', numbers, topKernel, { most: Number.POSITIVE_INFINITY, order: 'any' }),
  rows('bottom', numbers, bottomKernel, { most: Number.POSITIVE_INFINITY, order: 'any' }),
  rows('distinct', all, distinctKernel, { least: 1, most: 1, rowTime: 'window' }),
  // It has no text of its own either.
  rows('sample', all, sampleKernel, { typeName: 'elapsed' }),
  stream('derivative', toFloat, derivativeKernel, { most: 2 }),
  stream('non_negative_derivative', toFloat, nonNegativeDerivativeKernel, { most: 2, typeName: 'derivative' }),
  stream('difference', numbers, differenceKernel, {}),
  stream('non_negative_difference', numbers, nonNegativeDifferenceKernel, { typeName: 'difference' }),
  stream('elapsed', counted, elapsedKernel, { most: 2 }),
  stream('moving_average', toFloat, movingAverageKernel, { least: 2, most: 2 }),
  stream('cumulative_sum', numbers, cumulativeSumKernel, {}),
  stream('integral', toFloat, integralKernel, { most: 2, nests: 'never' }),
  stream('exponential_moving_average', toFloat, exponentialAverageKernel, averaged),
  stream('double_exponential_moving_average', toFloat, doubleAverageKernel, averaged),
  stream('triple_exponential_moving_average', toFloat, tripleAverageKernel, averaged),
  stream('triple_exponential_derivative', toFloat, tripleDerivativeKernel, averaged),
  stream('relative_strength_index', toFloat, relativeStrengthKernel, averaged),
  stream('kaufmans_efficiency_ratio', toFloat, efficiencyRatioKernel, kaufman),
  stream('kaufmans_adaptive_moving_average', toFloat, adaptiveAverageKernel, kaufman),
  stream('chande_momentum_oscillator', toFloat, momentumKernel, averaged),
  ...(['holt_winters', 'holt_winters_with_fit'] as const).map((name) => {
    const steps = holtWintersSteps(name === 'holt_winters_with_fit');
    const types: Types = { accepts: SIGNED, result: 'float' };
    return stream(name, types, inOneGo(steps), { steps, least: 3, most: 3, nests: 'must', typeName: 'elapsed' });
  }),
];

/** By name, in lower case. */
export const FUNCTIONS: ReadonlyMap<string, FunctionEntry> = new Map(ENTRIES.map((entry) => [entry.name, entry]));

/** The iterator that stands for the input in influxd's text: calls that nothing wraps have one of their own. */
function inputIterator(entry: FunctionEntry, kind: FieldKind, inputCall: string | null): string {
  if (inputCall === 'distinct') return `${kind}IntervalIterator`;
  if (inputCall === 'sample' || (entry.kind === 'rows' && inputCall !== null))
    return `${kind}Reduce${kind[0]!.toUpperCase()}${kind.slice(1)}Iterator`;
  return `${kind}InterruptIterator`;
}

/**
 * Throws influxd's error when the function does not take values of a type.
 * @param inputCall The call that is its first argument, or whose results it gets: max or min, for top() and bottom() with
 *   tags. Null for a field.
 */
export function checkInputKind(entry: FunctionEntry, kind: FieldKind, inputCall: string | null): void {
  if (entry.accepts.includes(kind)) return;
  const input = inputIterator(entry, kind, inputCall);
  throw new VarveError('bad_request', `unsupported ${entry.typeName} iterator type: *query.${input}`);
}
