/** Math functions inside expressions: one value per row, null where an operand is null of no type. */
import type { ValueColumn } from '../functions/kernel.ts';
import { MATH_KERNELS } from '../functions/math.ts';

export function isMath(name: string): boolean {
  return MATH_KERNELS.has(name);
}

export function callMath(name: string, operands: readonly (ValueColumn | null)[], rows: number): ValueColumn | null {
  if (operands.some((operand) => operand === null)) return null;
  return MATH_KERNELS.get(name)!(operands as readonly ValueColumn[], rows);
}
