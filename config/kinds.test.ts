import { expect, test } from 'vitest';
import * as kinds from './kinds.ts';

function value<T>(kind: kinds.Kind<T>, given: unknown): T {
  return kind.type.parse(given);
}

function advice(kind: kinds.Kind<unknown>, given: unknown): string {
  const result = kind.type.safeParse(given);
  return result.success ? 'it is taken' : result.error.issues[0].message;
}

test('addresses to listen on', () => {
  expect(value(kinds.address, '127.0.0.1:8086')).toEqual({ host: '127.0.0.1', port: 8086 });
  expect(value(kinds.address, 'localhost:0')).toEqual({ host: 'localhost', port: 0 });
  expect(value(kinds.address, ':8086')).toEqual({ host: undefined, port: 8086 });
  expect(value(kinds.address, '[::1]:8086')).toEqual({ host: '::1', port: 8086 });
  for (const wrong of ['8086', '127.0.0.1', '127.0.0.1:', '::1:8086', '127.0.0.1:70000', 'a:b', '[::g]:1', 8086]) {
    expect(advice(kinds.address, wrong), String(wrong)).toMatch('give HOST:PORT');
  }
});

test('durations', () => {
  expect(value(kinds.duration, '30d')).toBe(30 * 86_400_000);
  expect(value(kinds.duration, 'forever')).toBe(0);
  expect(value(kinds.duration, 0)).toBe(0);
  expect(advice(kinds.duration, '30')).toMatch('give a duration with units');
  expect(advice(kinds.interval, '0')).toMatch('above zero');
});

test('sizes', () => {
  expect(value(kinds.size, '64MiB')).toBe(64 * 2 ** 20);
  expect(value(kinds.size, '1.5 gib')).toBe(1.5 * 2 ** 30);
  expect(value(kinds.size, 4096)).toBe(4096);
  expect(value(kinds.size, 'none')).toBe(0);
  for (const wrong of ['', 'MiB', '64MB', '-1', '99999999TiB']) {
    expect(advice(kinds.size, wrong), wrong).toMatch('give a size');
  }
});

test('bounds', () => {
  const key = kinds.sizeFrom('1', '64KiB');
  expect(value(key, '64KiB')).toBe(65_536);
  for (const wrong of ['none', 0, '64.1KiB']) expect(advice(key, wrong)).toBe('give a size of 1 to 64KiB');
  expect(advice(kinds.sizeFrom('1MiB'), 'none')).toBe('give a size of 1MiB or more');
  expect(value(kinds.positive, 1)).toBe(1);
  for (const wrong of ['0', 'none', '-1', '1.5']) {
    expect(advice(kinds.positive, wrong), wrong).toBe('give a whole number above zero');
  }
  const partition = kinds.wholeSeconds('1s', '90d');
  expect(value(partition, '90d')).toBe(90 * 86_400_000);
  for (const wrong of ['0', '500ms', '91d', 'forever']) {
    expect(advice(partition, wrong), wrong).toBe('give a duration of 1s to 90d, in whole seconds');
  }
});

test('numbers, switches, words, lists', () => {
  expect(value(kinds.count, '20')).toBe(20);
  for (const wrong of ['1.5', '-1', 'many', '99999999999999999']) {
    expect(advice(kinds.count, wrong), wrong).toMatch('give a whole number');
  }
  expect([true, 'off', 'yes', '0'].map((given) => value(kinds.toggle, given))).toEqual([true, false, true, false]);
  expect(advice(kinds.toggle, 'maybe')).toMatch('give true or false');
  expect(advice(kinds.choice('a', 'b'), 'c')).toBe('give one of a, b');
  expect(value(kinds.pairs, ['region=eu', 'x=a=b'])).toEqual([
    ['region', 'eu'],
    ['x', 'a=b'],
  ]);
  expect(value(kinds.urls, 'http://a/')).toEqual(['http://a']);
});
