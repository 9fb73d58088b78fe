import { expect, test } from 'vitest';
import { parseDurationOption, parseListen, parseSizeOption } from './option-values.ts';

test('addresses to listen on', () => {
  expect(parseListen('127.0.0.1:8086')).toEqual({ host: '127.0.0.1', port: 8086 });
  expect(parseListen('localhost:0')).toEqual({ host: 'localhost', port: 0 });
  expect(parseListen(':8086')).toEqual({ host: undefined, port: 8086 });
  expect(parseListen('[::1]:8086')).toEqual({ host: '::1', port: 8086 });
  for (const wrong of ['8086', '127.0.0.1', '127.0.0.1:', '::1:8086', '127.0.0.1:70000', 'a:b']) {
    expect(() => parseListen(wrong), wrong).toThrow('Give HOST:PORT');
  }
});

test('durations', () => {
  expect(parseDurationOption('30d')).toBe(30 * 86_400_000);
  expect(parseDurationOption('forever')).toBe(0);
  expect(parseDurationOption('0')).toBe(0);
  expect(() => parseDurationOption('30')).toThrow('Give a duration with units');
});

test('sizes', () => {
  expect(parseSizeOption('64MiB')).toBe(64 * 2 ** 20);
  expect(parseSizeOption('1.5 gib')).toBe(1.5 * 2 ** 30);
  expect(parseSizeOption('4096')).toBe(4096);
  for (const wrong of ['', 'MiB', '64MB', '-1']) expect(() => parseSizeOption(wrong), wrong).toThrow('Give a size');
});
