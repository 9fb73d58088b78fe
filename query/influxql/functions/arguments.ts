/**
 * What a call says beside its field, as kernels want it. The arguments have been checked (front/): here they are only read.
 */
import type { CallNode, Expression } from '../ast.ts';
import type { CallOptions } from './kernel.ts';

/** What of the query matters to functions. */
export interface CallSurroundings {
  /** False with ORDER BY time DESC. */
  readonly ascending: boolean;
  /** ns of GROUP BY time; 0 when there is none. */
  readonly intervalNs: number;
}

function numberOf(argument: Expression | undefined, fallback: number): number {
  if (argument === undefined) return fallback;
  switch (argument.kind) {
    case 'number':
      return argument.value;
    case 'integer':
    case 'unsigned':
    case 'duration':
      return Number(argument.value);
    default:
      return fallback;
  }
}

const SECOND_NS = 1e9;

/** The unit when the call names none: derivative's is GROUP BY time's interval, elapsed's a nanosecond. */
function defaultUnitNs(name: string, intervalNs: number): number {
  if (name === 'elapsed') return 1;
  if (name === 'integral' || intervalNs === 0) return SECOND_NS;
  return intervalNs;
}

/** Derives the options of a call. */
export function callOptions(call: CallNode, surroundings: CallSurroundings): CallOptions {
  const [, second, third, fourth] = call.arguments;
  const isExtreme = call.name === 'top' || call.name === 'bottom';
  const isMomentum = call.name === 'chande_momentum_oscillator';
  let warmup: CallOptions['warmup'] = isMomentum ? 'none' : 'exponential';
  if (fourth?.kind === 'string') warmup = fourth.value as CallOptions['warmup'];
  return {
    ascending: surroundings.ascending,
    intervalNs: surroundings.intervalNs,
    unitNs: second?.kind === 'duration' ? numberOf(second, 1) : defaultUnitNs(call.name, surroundings.intervalNs),
    // top() and bottom() may have tags between the field and N.
    count: numberOf(isExtreme ? call.arguments.at(-1) : second, 0),
    percentile: numberOf(second, 0),
    season: numberOf(third, 0),
    hold: numberOf(third, -1),
    warmup,
  };
}
