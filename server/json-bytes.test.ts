import { expect, test } from 'vitest';
import { JsonBytes } from './json-bytes.ts';

function written(write: (json: JsonBytes) => void): string {
  const json = new JsonBytes(1);
  write(json);
  return new TextDecoder().decode(json.finish());
}

test('times are whole seconds, or have three decimals', () => {
  const check = (ms: number, want: string) => expect(written((json) => json.time(ms))).toBe(want);
  check(0, '0');
  check(1500, '1.500');
  check(1, '0.001');
  check(1_435_781_430_781, '1435781430.781');
  check(1_435_781_430_000, '1435781430');
  check(-5000, '-5');
  check(-1500, '-1.500');
  check(-9_223_309_901_257_974, '-9223309901257.974');
});

test('values are written as Prometheus writes them', () => {
  const check = (value: number, want: string) => expect(written((json) => json.sampleValue(value))).toBe(`"${want}"`);
  check(0, '0');
  check(-0, '-0');
  check(7, '7');
  check(10, '10');
  check(9_999_999, '9999999');
  check(10_000_000, '10000000');
  check(-3, '-3');
  check(0.1, '0.1');
  check(1e21, '1e+21');
  check(1.5e300, '1.5e+300');
  check(1e-7, '1e-07');
  check(NaN, 'NaN');
  check(Infinity, '+Inf');
  check(-Infinity, '-Inf');
  check(5.827000141143799, '5.827000141143799');
});

test('text of any characters, and growth', () => {
  const text = JSON.stringify({ name: 'Übergröße 🌡', quote: '"' }).repeat(100);
  expect(written((json) => json.text(text))).toBe(text);
});
