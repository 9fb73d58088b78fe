import { expect, test } from 'vitest';
import { FailedAttempts } from './failed-attempts.ts';

test('a name at an address has ten failures, and gets one more in five seconds', () => {
  let nowMs = 0;
  const attempts = new FailedAttempts(() => nowMs);
  for (let i = 0; i < 10; i++) {
    expect(attempts.isBlocked('one', 'ann')).toBe(false);
    attempts.begin('one', 'ann');
  }
  expect(attempts.isBlocked('one', 'ann')).toBe(true);
  expect(attempts.isBlocked('one', 'bob')).toBe(false);
  expect(attempts.isBlocked('two', 'ann')).toBe(false);
  nowMs += 5_000;
  expect(attempts.isBlocked('one', 'ann')).toBe(false);
  attempts.begin('one', 'ann');
  expect(attempts.isBlocked('one', 'ann')).toBe(true);
});

test('an address has a hundred, of whatever names', () => {
  const attempts = new FailedAttempts(() => 0);
  for (let i = 0; i < 100; i++) attempts.begin('one', `name ${i}`);
  expect(attempts.isBlocked('one', 'another')).toBe(true);
  expect(attempts.isBlocked('two', 'another')).toBe(false);
});

test('what turns out to be right was no failure', () => {
  const attempts = new FailedAttempts(() => 0);
  for (let i = 0; i < 200; i++) attempts.begin('one', 'ann')();
  expect(attempts.isBlocked('one', 'ann')).toBe(false);
});

test('a flood of sources takes bounded memory', () => {
  const attempts = new FailedAttempts(() => 0);
  for (let i = 0; i < 50_000; i++) attempts.begin(`address ${i}`, 'ann');
  expect((attempts as unknown as { buckets: Map<string, unknown> }).buckets.size).toBeLessThanOrEqual(10_000);
});
