/** Binary operators over two numbers, with Go's results for infinities, NaN and zeros. */
import { arcTangent2, power } from '../go-math/elementary.ts';
import type { OperatorKind } from './parser/token.ts';

/** Go's math.Max: +Inf wins over NaN. */
export function largerOf(a: number, b: number): number {
  return a === Infinity || b === Infinity ? Infinity : Math.max(a, b);
}

/** Go's math.Min: -Inf wins over NaN. */
export function smallerOf(a: number, b: number): number {
  return a === -Infinity || b === -Infinity ? -Infinity : Math.min(a, b);
}

/** Arithmetic operators; undefined for comparisons, set operators and those of histograms only. */
export function arithmeticOf(op: OperatorKind): ((a: number, b: number) => number) | undefined {
  return ARITHMETIC[op];
}

const ARITHMETIC: Readonly<Partial<Record<OperatorKind, (a: number, b: number) => number>>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '^': power,
  atan2: arcTangent2,
};

/** Comparison operators; undefined for others. */
export function comparisonOf(op: OperatorKind): ((a: number, b: number) => boolean) | undefined {
  return COMPARISONS[op];
}

const COMPARISONS: Readonly<Partial<Record<OperatorKind, (a: number, b: number) => boolean>>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};
