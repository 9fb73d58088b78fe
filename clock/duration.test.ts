import { expect, test } from 'vitest';
import { durationText, parseDurationMs } from './duration.ts';

function check(text: string, want: number | null): void {
  expect(parseDurationMs(text), JSON.stringify(text)).toBe(want);
}

test('durations of one unit and of several', () => {
  check('0', 0);
  check('15s', 15_000);
  check('1h30m', 5_400_000);
  check('1y2w3d4h5m6s7ms', 31_536_000_000 + 1_209_600_000 + 259_200_000 + 14_400_000 + 300_000 + 6000 + 7);
  check('0s', 0);
});

test('what is not a duration', () => {
  check('', null);
  check('5', null); // a number without a unit is ambiguous
  check('1.5h', null);
  check('-5m', null);
  check('5m1h', null); // units go from large to small
  check('5m5m', null);
  check(' 5m', null);
  check('99999999999999y', null); // beyond what a double holds exactly
});

test('a duration as text is read as what it was', () => {
  for (const [ms, want] of [
    [90 * 86_400_000, '90d'],
    [5_400_000, '1h30m'],
    [420_001, '7m1ms'],
  ] as const) {
    expect(durationText(ms)).toBe(want);
    expect(parseDurationMs(want)).toBe(ms);
  }
});
