/** Numbers in Go's layouts. */
import { describe, expect, it } from 'vitest';

import { formatExponent, formatGeneral, formatOpenMetrics, formatPlain, formatSampleValue } from './number-format.ts';

describe('number formats', () => {
  const check = (format: (value: number) => string, value: number, text: string) => {
    it(`${format.name} ${text}`, () => expect(format(value)).toBe(text));
  };
  check(formatPlain, 1e21, '1000000000000000000000');
  check(formatPlain, 1.5e-9, '0.0000000015');
  check(formatPlain, -123.25, '-123.25');
  check(formatPlain, -1.25e25, '-12500000000000000000000000');
  check(formatPlain, -0, '-0');
  check(formatPlain, Number.NaN, 'NaN');
  check(formatPlain, -Infinity, '-Inf');
  check(formatExponent, 1e-7, '1e-07');
  check(formatExponent, 1.5e300, '1.5e+300');
  check(formatGeneral, 1e6, '1e+06');
  check(formatGeneral, 999999, '999999');
  check(formatGeneral, 0.0001, '0.0001');
  check(formatGeneral, 0.00001, '1e-05');
  // The API switches to exponents where encoding/json does.
  check(formatSampleValue, 1e21, '1e+21');
  check(formatSampleValue, 1e20, '100000000000000000000');
  check(formatSampleValue, 1e-6, '0.000001');
  check(formatSampleValue, 9.5e-7, '9.5e-07');
  check(formatSampleValue, 5e-324, '5e-324');
  check(formatSampleValue, -0, '-0');
  check(formatSampleValue, Infinity, '+Inf');
  check(formatOpenMetrics, 1, '1.0');
  check(formatOpenMetrics, 0.25, '0.25');
  check(formatOpenMetrics, 1e6, '1e+06');
  check(formatOpenMetrics, Number.NaN, 'NaN');
});
