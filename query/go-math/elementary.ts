/**
 * Elementary functions with the last digits of Go's on amd64, so that answers equal influxd's and Prometheus'.
 *
 * JavaScript's Math gives nearby doubles only. The methods: sine, cosine, tangent and arc tangent after Cephes (Stephen
 * L. Moshier), with Payne and Hanek's reduction for large arguments, as the hyperbolic tangent; the hyperbolic sine by Hart and
 * Cheney's approximation #2029; the logarithm after FreeBSD's e_log.c; the exponential
 * after Naoki Shibata (Computer Science 25, 2010, the SLEEF library), with fused multiply-adds as processors of the last
 * decade have them. The order of operations is that of Go: changing it changes last digits.
 */
import { exponentOfLast, fractionOf, fusedMultiplyAdd, scale, twoTo } from './float-bits.ts';

/** π/4 in three parts, for the reduction of arguments. */
const QUARTER_PI_A = 7.853981256484985e-1;
const QUARTER_PI_B = 3.774894707930798e-8;
const QUARTER_PI_C = 2.6951514290790595e-15;

/** From here on, three parts of π/4 are not enough. */
const REDUCTION_THRESHOLD = 2 ** 29;

/** The octant of the last reduce(). */
let octant = 0;

/** The argument, not negative, minus the nearest even multiple of π/4; sets `octant`. */
function reduce(x: number): number {
  if (x >= REDUCTION_THRESHOLD) return reduceLarge(x);
  let multiple = Math.floor(x * (4 / Math.PI));
  if (multiple % 2 === 1) multiple++;
  octant = multiple % 8;
  return x - multiple * QUARTER_PI_A - multiple * QUARTER_PI_B - multiple * QUARTER_PI_C;
}

/** The bits of 4/π: its integer part, then 1216 binary places. */
const FOUR_OVER_PI = BigInt(
  '0x0000000000000001' +
    '45f306dc9c882a53f84eafa3ea69bb81b6c52b3278872083fca2c757bd778ac36e48dc74849ba5c00c925dd413a32439fc3bd63962534e7d' +
    'd1046bea5d768909d338e04d68befc827323ac7306a673e93908bf177bf250763ff12fffbc0b301fde5e2316b414da3eda6cfd9e4f96136e' +
    '9e8c7ecd3cbfd45aea4f758fd7cbe2f67a0e73ef14a525d4d7f6bf623f1aba10ac06608df8f6d757',
);
const FOUR_OVER_PI_BITS = 1280n;

/** Payne and Hanek: only the three words of 4/π that matter take part, so that the cost does not depend on the size. */
function reduceLarge(x: number): number {
  const fraction = fractionOf(x);
  const exponent = exponentOfLast() - 53;
  const integer = BigInt(fraction * 2 ** 53);
  const firstBit = BigInt(exponent + 61);
  const three = BigInt.asUintN(192, FOUR_OVER_PI >> (FOUR_OVER_PI_BITS - firstBit - 192n));
  const high = three >> 128n;
  const middle = BigInt.asUintN(64, three >> 64n);
  const low = BigInt.asUintN(64, three);
  const product = BigInt.asUintN(128, ((high * integer) << 64n) + middle * integer + ((low * integer) >> 64n));
  octant = Number(product >> 125n);
  let turned = leadingFraction(BigInt.asUintN(64, product >> 61n), BigInt.asUintN(64, product));
  if (octant % 2 === 1) {
    octant = (octant + 1) % 8;
    turned--;
  }
  return turned * (Math.PI / 4);
}

/**
 * The first 53 bits, cut off, of a binary fraction whose first word is `word`. Where that has leading zeros Go takes the
 * bits that follow from the unshifted low word of the product (they are three places off, far below what matters).
 */
function leadingFraction(word: bigint, low: bigint): number {
  const zeros = word === 0n ? 64 : 64 - word.toString(2).length;
  const shift = BigInt(zeros + 1);
  const mantissa = (BigInt.asUintN(64, word << shift) | (low >> (64n - shift))) >> 12n;
  return (1 + Number(mantissa) * 2 ** -52) * 2 ** -(zeros + 1);
}

function sinePolynomial(z: number): number {
  const zz = z * z;
  return (
    z +
    z *
      zz *
      (((((1.5896230157654656e-10 * zz + -2.5050747762857807e-8) * zz + 2.7557313621385722e-6) * zz +
        -1.984126982958954e-4) *
        zz +
        8.333333333322118e-3) *
        zz +
        -1.666666666666663e-1)
  );
}

function cosinePolynomial(z: number): number {
  const zz = z * z;
  return (
    1 -
    0.5 * zz +
    zz *
      zz *
      (((((-1.1358536521387682e-11 * zz + 2.087570084197473e-9) * zz + -2.755731417929674e-7) * zz +
        2.4801587288851704e-5) *
        zz +
        -1.3888888888873056e-3) *
        zz +
        4.1666666666666595e-2)
  );
}

export function sine(x: number): number {
  if (x === 0 || Number.isNaN(x)) return x;
  if (!Number.isFinite(x)) return Number.NaN;
  const z = reduce(Math.abs(x));
  const within = octant % 4;
  const y = within === 1 || within === 2 ? cosinePolynomial(z) : sinePolynomial(z);
  return octant > 3 !== x < 0 ? -y : y;
}

export function cosine(x: number): number {
  if (!Number.isFinite(x)) return Number.NaN;
  const z = reduce(Math.abs(x));
  const within = octant % 4;
  const y = within === 1 || within === 2 ? sinePolynomial(z) : cosinePolynomial(z);
  return octant > 3 !== within > 1 ? -y : y;
}

export function tangent(x: number): number {
  if (x === 0 || Number.isNaN(x)) return x;
  if (!Number.isFinite(x)) return Number.NaN;
  const z = reduce(Math.abs(x));
  const zz = z * z;
  let y = z;
  if (zz > 1e-14) {
    const p = (-1.3093693918138379e4 * zz + 1.1535166483858742e6) * zz + -1.7956525197648488e7;
    const q =
      (((zz + 1.3681296347069296e4) * zz + -1.3208923444021097e6) * zz + 2.500838018233579e7) * zz +
      -5.3869575592945464e7;
    y = z + z * ((zz * p) / q);
  }
  if (octant % 4 >= 2) y = -1 / y;
  return x < 0 ? -y : y;
}

/** For 0 … 0.66. */
function smallArcTangent(x: number): number {
  const z = x * x;
  const p =
    (((-8.750608600031904e-1 * z + -1.6157537187333652e1) * z + -7.500855792314705e1) * z + -1.2288666844901361e2) * z +
    -6.485021904942025e1;
  const q =
    ((((z + 2.4858464901423062e1) * z + 1.6502700983169885e2) * z + 4.3288106049129027e2) * z + 4.853903996359137e2) *
      z +
    1.945506571482614e2;
  return x * ((z * p) / q) + x;
}

/** What π/2 is above the double nearest to it. */
const HALF_PI_REST = 6.123233995736766e-17;
/** tan(3π/8). */
const TANGENT_3_8 = 2.414213562373095;

function positiveArcTangent(x: number): number {
  if (x <= 0.66) return smallArcTangent(x);
  if (x > TANGENT_3_8) return Math.PI / 2 - smallArcTangent(1 / x) + HALF_PI_REST;
  return Math.PI / 4 + smallArcTangent((x - 1) / (x + 1)) + 0.5 * HALF_PI_REST;
}

export function arcTangent(x: number): number {
  if (x === 0) return x;
  return x > 0 ? positiveArcTangent(x) : -positiveArcTangent(-x);
}

export function arcSine(x: number): number {
  if (x === 0) return x;
  const size = Math.abs(x);
  if (!(size <= 1)) return Number.NaN;
  const root = Math.sqrt(1 - size * size);
  const y = size > 0.7 ? Math.PI / 2 - positiveArcTangent(root / size) : positiveArcTangent(size / root);
  return x < 0 ? -y : y;
}

export function arcCosine(x: number): number {
  return Math.PI / 2 - arcSine(x);
}

export function arcTangent2(y: number, x: number): number {
  // Zeros, infinities and NaN are settled by the standard, multiples of π/4: Math has the same.
  if (y === 0 || x === 0 || !Number.isFinite(x) || !Number.isFinite(y)) return Math.atan2(y, x);
  const angle = arcTangent(y / x);
  if (x >= 0) return angle;
  return angle <= 0 ? angle + Math.PI : angle - Math.PI;
}

/** ln 2 in two parts. */
const LN2_HIGH = 6.931471803691238e-1;
const LN2_LOW = 1.9082149292705877e-10;

export function logarithm(x: number): number {
  if (Number.isNaN(x) || x === Number.POSITIVE_INFINITY) return x;
  if (x < 0) return Number.NaN;
  if (x === 0) return Number.NEGATIVE_INFINITY;
  let fraction = fractionOf(x);
  let k = exponentOfLast();
  if (fraction <= Math.SQRT1_2) {
    fraction *= 2;
    k--;
  }
  const f = fraction - 1;
  const s = f / (2 + f);
  const s2 = s * s;
  const s4 = s2 * s2;
  const t1 =
    s2 *
    (6.666666666666735e-1 + s4 * (2.857142874366239e-1 + s4 * (1.818357216161805e-1 + s4 * 1.4798198605116586e-1)));
  const t2 = s4 * (3.999999999940942e-1 + s4 * (2.2222198432149784e-1 + s4 * 1.5313837699209373e-1));
  const r = t1 + t2;
  const halfSquare = 0.5 * f * f;
  return k * LN2_HIGH - (halfSquare - (s * (halfSquare + r) + k * LN2_LOW) - f);
}

export function logarithm2(x: number): number {
  const fraction = fractionOf(x);
  const exponent = exponentOfLast();
  // Powers of two have exact answers.
  if (fraction === 0.5) return exponent - 1;
  return logarithm(fraction) * (1 / Math.LN2) + exponent;
}

export function logarithm10(x: number): number {
  return logarithm(x) * Math.LOG10E;
}

/** Above this the result overflows. */
const LARGEST_EXPONENT = 7.09782712893384e2;

export function exponential(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x > LARGEST_EXPONENT) return Number.POSITIVE_INFINITY;
  const exponent = roundToEven(x * Math.LOG2E);
  if (exponent < -1023 - 52) return 0;
  let r = fusedMultiplyAdd(-exponent, 0.693147180559663, x);
  r = fusedMultiplyAdd(-exponent, 2.8235290563031577e-13, r);
  r *= 0.0625;
  // exp(r) - 1 by Taylor's series, then four doublings of the argument: (1 + y)² - 1 = y (y + 2).
  let y = 2.48015873015873e-5;
  y = fusedMultiplyAdd(y, r, 1.984126984126984e-4);
  y = fusedMultiplyAdd(y, r, 1.388888888888889e-3);
  y = fusedMultiplyAdd(y, r, 8.333333333333333e-3);
  y = fusedMultiplyAdd(y, r, 4.1666666666666664e-2);
  y = fusedMultiplyAdd(y, r, 1.6666666666666666e-1);
  y = fusedMultiplyAdd(y, r, 0.5);
  y = fusedMultiplyAdd(y, r, 1);
  y *= r;
  y *= y + 2;
  y *= y + 2;
  y *= y + 2;
  y = fusedMultiplyAdd(y, y + 2, 1);
  if (exponent > -1023) return exponent > 1023 ? Number.POSITIVE_INFINITY : y * twoTo(exponent);
  return y * twoTo(exponent + 1022) * 2 ** -1022;
}

/** To the nearest integer, halves to the even one. */
function roundToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest < 0.5 || (rest === 0.5 && floor % 2 === 0)) return floor;
  return floor + 1;
}

/** Beyond this an integer exponent of any base but 0 and ±1 over- or underflows. */
const LARGEST_INTEGER_POWER = 2 ** 63;

export function power(x: number, y: number): number {
  if (y === 0 || x === 1) return 1;
  if (y === 1) return x;
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN;
  // What the standard settles, Math has right; only -1 to an infinite power is NaN in JavaScript and 1 elsewhere.
  if (x === -1 && !Number.isFinite(y)) return 1;
  if (x === 0 || !Number.isFinite(x) || !Number.isFinite(y)) return x ** y;
  if (y === 0.5) return Math.sqrt(x);
  if (y === -0.5) return 1 / Math.sqrt(x);
  let whole = Math.trunc(Math.abs(y));
  let rest = Math.abs(y) - whole;
  if (rest !== 0 && x < 0) return Number.NaN;
  if (whole >= LARGEST_INTEGER_POWER) {
    if (x === -1) return 1;
    return Math.abs(x) < 1 === y > 0 ? 0 : Number.POSITIVE_INFINITY;
  }
  // The answer is mantissa × 2^exponent.
  let mantissa = 1;
  let exponent = 0;
  if (rest !== 0) {
    if (rest > 0.5) {
      rest--;
      whole++;
    }
    mantissa = exponential(rest * logarithm(x));
  }
  let square = fractionOf(x);
  let squareExponent = exponentOfLast();
  for (let left = whole; left !== 0; left = Math.floor(left / 2)) {
    if (Math.abs(squareExponent) > 4096) {
      // Over- or underflow is certain.
      exponent += squareExponent;
      break;
    }
    if (left % 2 === 1) {
      mantissa *= square;
      exponent += squareExponent;
    }
    square *= square;
    squareExponent *= 2;
    if (square < 0.5) {
      square += square;
      squareExponent--;
    }
  }
  if (y < 0) {
    mantissa = 1 / mantissa;
    exponent = -exponent;
  }
  return scale(mantissa, exponent);
}

export function hyperbolicSine(x: number): number {
  if (x === 0) return x;
  const size = Math.abs(x);
  let value: number;
  if (size > 21) value = exponential(size) * 0.5;
  else if (size > 0.5) {
    const power = exponential(size);
    value = (power - 1 / power) * 0.5;
  } else {
    const square = size * size;
    value =
      (((-26.30563213397497 * square + -2894.211355989564) * square + -89912.72022039509) * square +
        -630767.3640497717) *
      size;
    value /= ((square + -173.6789535582337) * square + 15215.17378790019) * square + -630767.3640497717;
  }
  return x < 0 ? -value : value;
}

export function hyperbolicCosine(x: number): number {
  const size = Math.abs(x);
  if (size > 21) return exponential(size) * 0.5;
  const power = exponential(size);
  return (power + 1 / power) * 0.5;
}

/** Half of ln 2^127: beyond, the hyperbolic tangent is ±1. */
const HALF_LARGEST_LOGARITHM = 44.014845965556525;

export function hyperbolicTangent(x: number): number {
  const size = Math.abs(x);
  if (size > HALF_LARGEST_LOGARITHM) return x < 0 ? -1 : 1;
  if (size >= 0.625) {
    const value = 1 - 2 / (exponential(2 * size) + 1);
    return x < 0 ? -value : value;
  }
  if (x === 0) return x;
  const s = x * x;
  return (
    x +
    (x * s * ((-9.643991794250523e-1 * s + -9.928772310019185e1) * s + -1.6146876844170845e3)) /
      (((s + 1.1281167849163293e2) * s + 2.2354883906010045e3) * s + 4.844063053251255e3)
  );
}

/** Arguments so small that a function is its argument, and so large that what is added to them does not matter. */
const TINY = 2 ** -28;
const HUGE = 2 ** 28;

export function areaSine(x: number): number {
  if (x === 0 || !Number.isFinite(x)) return x;
  const size = Math.abs(x);
  let value = size;
  if (size > HUGE) value = logarithm(size) + Math.LN2;
  else if (size > 2) value = logarithm(2 * size + 1 / (Math.sqrt(size * size + 1) + size));
  else if (size >= TINY) value = Math.log1p(size + (size * size) / (1 + Math.sqrt(1 + size * size)));
  return x < 0 ? -value : value;
}

export function areaCosine(x: number): number {
  if (x < 1 || Number.isNaN(x)) return Number.NaN;
  if (x === 1) return 0;
  if (x >= HUGE) return logarithm(x) + Math.LN2;
  if (x > 2) return logarithm(2 * x - 1 / (x + Math.sqrt(x * x - 1)));
  const rest = x - 1;
  return Math.log1p(rest + Math.sqrt(2 * rest + rest * rest));
}

export function areaTangent(x: number): number {
  const size = Math.abs(x);
  if (size > 1 || Number.isNaN(x)) return Number.NaN;
  if (size === 1) return x * Number.POSITIVE_INFINITY;
  if (size === 0) return x;
  let value = size;
  if (size >= 0.5) value = 0.5 * Math.log1p((size + size) / (1 - size));
  else if (size >= TINY) {
    const twice = size + size;
    value = 0.5 * Math.log1p(twice + (twice * size) / (1 - size));
  }
  return x < 0 ? -value : value;
}
