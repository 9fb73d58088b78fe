import { expect, test } from 'vitest';
import { parseStatements } from './parser.ts';
import { parsedStatements } from './statement-cache.ts';

test('a text is parsed once, and gives what the parser gives', () => {
  const text = 'SELECT mean(f) FROM m WHERE time > now() - 1h; SELECT * FROM n';
  const first = parsedStatements(text);
  expect(first).toEqual(parseStatements(text));
  expect(parsedStatements(text)).toBe(first);
});

test('what is no SELECT is not kept, as it may hold passwords', () => {
  for (const text of [`CREATE USER a WITH PASSWORD 'b'`, `SELECT f FROM m; SET PASSWORD FOR a = 'b'`]) {
    expect(parsedStatements(text)).toEqual(parseStatements(text));
    expect(parsedStatements(text)).not.toBe(parsedStatements(text));
  }
});

test('texts beyond those that are kept leave, the ones that were asked for longest ago first', () => {
  const text = (n: number) => `SELECT f FROM m${n}`;
  const first = parsedStatements(text(0));
  const second = parsedStatements(text(1));
  for (let n = 2; n < 64; n++) parsedStatements(text(n));
  expect(parsedStatements(text(0))).toBe(first);
  parsedStatements(text(64));
  expect(parsedStatements(text(0))).toBe(first);
  expect(parsedStatements(text(1))).not.toBe(second);
});

test('what is wrong is refused every time', () => {
  for (let i = 0; i < 2; i++) expect(() => parsedStatements('SELECT')).toThrow('found EOF');
});
