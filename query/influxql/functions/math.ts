/** Math functions of one row: abs … pow. Nulls, and what is not a number, give null. */

import {
  arcCosine,
  arcSine,
  arcTangent,
  arcTangent2,
  cosine,
  exponential,
  logarithm,
  logarithm2,
  logarithm10,
  power,
  sine,
  tangent,
} from '../../go-math/elementary.ts';
import type { NumberColumn } from '../result.ts';
import { bigintAt, columnWriter, doublesOf } from './column.ts';
import type { MathKernel, ValueColumn } from './kernel.ts';

function isNumeric(column: ValueColumn): column is NumberColumn {
  return column.kind === 'float' || column.kind === 'integer' || column.kind === 'unsigned';
}

function allNull(rows: number): NumberColumn {
  return { kind: 'float', values: new Float64Array(rows), wide: null, present: new Uint8Array(rows) };
}

function ofFloat(compute: (value: number) => number): MathKernel {
  return (columns, rows) => {
    const column = columns[0]!;
    if (!isNumeric(column)) return allNull(rows);
    const values = doublesOf(column, rows);
    const out = new Float64Array(rows);
    for (let i = 0; i < rows; i++) out[i] = compute(values[i]!);
    return { kind: 'float', values: out, wide: null, present: column.present };
  };
}

function ofTwoFloats(compute: (first: number, second: number) => number): MathKernel {
  return (columns, rows) => {
    const [first, second] = [columns[0]!, columns[1]!];
    if (!isNumeric(first) || !isNumeric(second)) return allNull(rows);
    const a = doublesOf(first, rows);
    const b = doublesOf(second, rows);
    const out = new Float64Array(rows);
    for (let i = 0; i < rows; i++) out[i] = compute(a[i]!, b[i]!);
    return { kind: 'float', values: out, wide: null, present: bothPresent(first.present, second.present, rows) };
  };
}

function bothPresent(a: Uint8Array | null, b: Uint8Array | null, rows: number): Uint8Array | null {
  if (a === null || b === null) return a ?? b;
  const out = new Uint8Array(rows);
  for (let i = 0; i < rows; i++) out[i] = a[i]! & b[i]!;
  return out;
}

/** Integers stay as they are; floats are computed. */
function roundingOf(compute: (value: number) => number): MathKernel {
  const floats = ofFloat(compute);
  return (columns, rows) => {
    const column = columns[0]!;
    return column.kind === 'integer' || column.kind === 'unsigned' ? column : floats(columns, rows);
  };
}

const floatAbsolute = ofFloat(Math.abs);

const absolute: MathKernel = (columns, rows) => {
  const column = columns[0]!;
  if (column.kind === 'unsigned') return column;
  if (column.kind !== 'integer') return floatAbsolute(columns, rows);
  const out = columnWriter('integer', rows, true);
  for (let i = 0; i < rows; i++) {
    if (column.present !== null && column.present[i] === 0) continue;
    if (column.wide === null) out.set(i, Math.abs(column.values[i]!));
    else {
      const value = bigintAt(column, i);
      // The least integer has no positive twin and stays.
      out.setBigint(i, BigInt.asIntN(64, value < 0n ? -value : value));
    }
  }
  return out.finish(rows);
};

/** Halves away from zero. */
function roundAway(value: number): number {
  const whole = Math.trunc(value);
  return Math.abs(value - whole) >= 0.5 ? whole + Math.sign(value) : whole;
}

export const MATH_KERNELS: ReadonlyMap<string, MathKernel> = new Map([
  ['abs', absolute],
  ['sin', ofFloat(sine)],
  ['cos', ofFloat(cosine)],
  ['tan', ofFloat(tangent)],
  ['asin', ofFloat(arcSine)],
  ['acos', ofFloat(arcCosine)],
  ['atan', ofFloat(arcTangent)],
  ['atan2', ofTwoFloats(arcTangent2)],
  ['exp', ofFloat(exponential)],
  ['log', ofTwoFloats((value, base) => logarithm(value) / logarithm(base))],
  ['ln', ofFloat(logarithm)],
  ['log2', ofFloat(logarithm2)],
  ['log10', ofFloat(logarithm10)],
  ['sqrt', ofFloat(Math.sqrt)],
  ['pow', ofTwoFloats(power)],
  ['floor', roundingOf(Math.floor)],
  ['ceil', roundingOf(Math.ceil)],
  ['round', roundingOf(roundAway)],
]);
