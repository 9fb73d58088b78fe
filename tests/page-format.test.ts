/** How the page at `/` writes numbers, sizes and label sets; what needs a browser is in page.e2e.test.ts. */
import { describe, expect, test } from 'vitest';
import { axisLabels, bytes, labelSet, seconds, selector, short } from '../ui/src/format.ts';
import { durationMs, durationText } from '../ui/src/location.ts';

describe('numbers', () => {
  test.each([
    [0, '0'],
    [42, '42'],
    [-0.5, '-0.5'],
    [1234.5, '1.234k'],
    [16_079_338_238, '16.08G'],
    [1e300, '1e+300'],
    [8.7543e299, '8.754e+299'],
    [1e-12, '1e-12'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
  ])('%d is short as %s', (value, text) => {
    expect(short(value)).toBe(text);
  });

  test.each([
    ['prefixes', [0, 500, 1000, 1500], 500, ['0', '500', '1k', '1.5k']],
    ['steps of two and a half', [0, 2.5, 5, 7.5], 2.5, ['0', '2.5', '5', '7.5']],
    ['large values that are near each other', [1_000_000, 1_000_000.2], 0.2, ['1000000', '1000000.2']],
    ['very large values', [0, 2e299, 1e300], 2e299, ['0', '2e+299', '1e+300']],
    ['very small values', [0, 2.5e-13, 5e-13], 2.5e-13, ['0', '2.5e-13', '5e-13']],
  ])('labels of an axis can be told apart: %s', (_, values, step, labels) => {
    expect(axisLabels(values, step)).toEqual(labels);
  });

  test('sizes and times', () => {
    expect([0, 1023, 1536, -1536, 5e12].map(bytes)).toEqual(['0 B', '1023 B', '1.5 KiB', '-1.5 KiB', '4.5 TiB']);
    expect([0, 2.5, 0.25, 0.00025].map(seconds)).toEqual(['0 s', '2.5 s', '250 ms', '250 µs']);
  });
});

describe('label sets', () => {
  test('are written so that they can be pasted into a query', () => {
    expect(labelSet({ __name__: 'up', job: 'a "b" \\ c' })).toBe('up{job="a \\"b\\" \\\\ c"}');
    expect(labelSet({ __name__: 'http.requests', 'k8s.pod': 'x' })).toBe('{"http.requests", "k8s.pod"="x"}');
    expect(labelSet({})).toBe('{}');
    expect(selector('node_load1')).toBe('node_load1');
    expect(selector('cpu load')).toBe('{"cpu load"}');
  });
});

test('durations in the URL', () => {
  expect(durationMs('1h30m')).toBe(5_400_000);
  expect(durationText(5_400_000)).toBe('1h30m');
  expect(durationMs('h')).toBeNull();
});
