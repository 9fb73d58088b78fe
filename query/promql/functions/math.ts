/** Functions of a single float: one line each. */
import {
  arcCosine,
  arcSine,
  arcTangent,
  areaCosine,
  areaSine,
  areaTangent,
  cosine,
  exponential,
  hyperbolicCosine,
  hyperbolicSine,
  hyperbolicTangent,
  logarithm,
  logarithm2,
  logarithm10,
  sine,
  tangent,
} from '../../go-math/elementary.ts';

const DEGREES_PER_RADIAN = 57.29577951308232;
const RADIANS_PER_DEGREE = 0.017453292519943295;

export const MATH_FUNCTIONS: Readonly<Record<string, (value: number) => number>> = {
  abs: Math.abs,
  acos: arcCosine,
  acosh: areaCosine,
  asin: arcSine,
  asinh: areaSine,
  atan: arcTangent,
  atanh: areaTangent,
  ceil: Math.ceil,
  cos: cosine,
  cosh: hyperbolicCosine,
  deg: (value) => value * DEGREES_PER_RADIAN,
  exp: exponential,
  floor: Math.floor,
  ln: logarithm,
  log10: logarithm10,
  log2: logarithm2,
  rad: (value) => value * RADIANS_PER_DEGREE,
  sgn: (value) => (value < 0 ? -1 : value > 0 ? 1 : value),
  sin: sine,
  sinh: hyperbolicSine,
  sqrt: Math.sqrt,
  tan: tangent,
  tanh: hyperbolicTangent,
};
