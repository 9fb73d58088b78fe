/** Elementary functions, against what Go's library computes on amd64. The differential test asks a real influxd for more. */
import { describe, expect, it } from 'vitest';
import {
  arcCosine,
  arcSine,
  arcTangent,
  arcTangent2,
  areaSine,
  areaTangent,
  cosine,
  exponential,
  hyperbolicSine,
  logarithm,
  logarithm2,
  logarithm10,
  power,
  sine,
  tangent,
} from './elementary.ts';
import { fusedMultiplyAdd, scale } from './float-bits.ts';

function check(compute: (x: number) => number, x: number, want: number): void {
  it(`${compute.name}(${x})`, () => expect(compute(x)).toBe(want));
}

describe('last digits are those of Go', () => {
  for (const compute of [hyperbolicSine, areaSine, areaTangent]) check(compute, -0, -0);
  check(sine, 3.3, -0.1577456941432482);
  check(sine, 1e6, -0.34999350217129294);
  // Beyond 2^29 the argument is reduced by all the digits of π that it needs.
  check(sine, 1e22, -0.8522008497671889);
  check(cosine, -0.93, 0.5978339822872982);
  check(cosine, 1e22, 0.5232147853951389);
  check(tangent, 0.1, 0.10033467208545055);
  check(tangent, 1e22, -1.6287782256068992);
  check(arcSine, 0.1, 0.1001674211615598);
  check(arcSine, -0.93, -1.1944128444771684);
  check(arcCosine, 0.1, 1.4706289056333368);
  check(arcTangent, 0.7, 0.6107259643892086);
  check(arcTangent, 3.3, 1.2765617616837088);
  check(exponential, 0.1, 1.1051709180756477);
  check(exponential, -0.93, 0.3945537103716011);
  // Near the ends: subnormal results, and an overflow that Go has a little early.
  check(exponential, -708.5, 2.006132305331306e-308);
  check(exponential, -744, 1e-323);
  check(exponential, 709.7, Number.POSITIVE_INFINITY);
  check(logarithm, 0.7, -0.35667494393873245);
  check(logarithm2, 0.7, -0.5145731728297583);
  check(logarithm2, 1024, 10);
  check(logarithm10, 0.1, -0.9999999999999999);
  check(logarithm10, 1000, 3);
});

describe('what is not a number, or not finite', () => {
  check(sine, Number.POSITIVE_INFINITY, Number.NaN);
  check(sine, -0, -0);
  check(arcSine, 1.5, Number.NaN);
  check(logarithm, -1, Number.NaN);
  check(logarithm, 0, Number.NEGATIVE_INFINITY);
  check(exponential, Number.NEGATIVE_INFINITY, 0);
});

describe('of two operands', () => {
  it.each([
    [0.3, 7, 0.00021869999999999998],
    [-2.5, 3, -15.625],
    [10, -4.3, 5.011872336272724e-5],
    [1.0000001, 1e9, 2.688103843211962e43],
    [7, 0.3, 1.792789962520997],
    // JavaScript says NaN.
    [-1, Number.POSITIVE_INFINITY, 1],
    [Number.NaN, 0, 1],
    [-8, 0.5, Number.NaN],
    [0, -3, Number.POSITIVE_INFINITY],
  ])('power(%d, %d)', (x, y, want) => expect(power(x, y)).toBe(want));

  it.each([
    [0.3, -7, 3.0987617209210656],
    [-2.5, -3, -2.44685437739309],
    [10, 4.3, 1.1646982684772809],
    [-0, -1, -Math.PI],
  ])('arcTangent2(%d, %d)', (y, x, want) => expect(arcTangent2(y, x)).toBe(want));
});

describe('parts of doubles', () => {
  it('multiplies and adds with one rounding', () => {
    // (1 + 2^-30)² - 1 has the bit 2^-60, which a rounded product loses.
    const x = 1 + 2 ** -30;
    expect(fusedMultiplyAdd(x, x, -1)).toBe(2 ** -29 + 2 ** -60);
    expect(x * x - 1).not.toBe(2 ** -29 + 2 ** -60);
    // Exactly between two doubles but for a rest far below: rounds by the rest.
    expect(fusedMultiplyAdd(1 + 2 ** -52, 1 + 2 ** -52, 2 ** 53)).toBe(2 ** 53 + 2);
  });

  it('scales into subnormals with one rounding', () => {
    expect(scale(0.7, -1073)).toBe(5e-324);
    expect(scale(1, 1023)).toBe(2 ** 1023);
    expect(scale(-1, 1024)).toBe(Number.NEGATIVE_INFINITY);
  });
});
