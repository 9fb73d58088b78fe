import { expect, test } from 'vitest';
import type { Rights } from '../../access/rights.ts';
import { parseStatements } from './parser/parser.ts';
import { authorizeStatements, requiredBy } from './privileges.ts';

function check(text: string, want: string[]): void {
  const found = parseStatements(text).flatMap((statement) =>
    requiredBy(statement).map(([need, of]) => `${need} ${of}`.trim()),
  );
  expect(found, text).toEqual(want);
}

test('every source and target of a statement needs a right', () => {
  check('SELECT v FROM m, b..m', ['read', 'read b']);
  check('SELECT v INTO c..m FROM (SELECT v FROM (SELECT v FROM b..m), d..m)', ['read b', 'read d', 'write c']);
  check('SELECT v INTO b..:MEASUREMENT FROM /x/', ['read', 'write b']);
});

test('what is not known to need less needs an administrator', () => {
  for (const text of [
    'SHOW STATS',
    'SHOW SHARDS',
    'DROP MEASUREMENT m',
    'CREATE DATABASE a',
    'DROP USER a',
    'KILL QUERY 1',
  ]) {
    check(text, ['admin']);
  }
});

test('lists need nothing, as they show what may be seen', () => {
  check('SHOW DATABASES; SHOW CONTINUOUS QUERIES; SHOW QUERIES', []);
});

test('a continuous query needs the right to write where it is kept', () => {
  check('CREATE CONTINUOUS QUERY c ON a BEGIN SELECT mean(v) INTO x FROM m GROUP BY time(1m) END', [
    'read',
    'read a',
    'write',
    'write a',
    'write a',
  ]);
});

test('the refusal has the words of InfluxDB, without passwords', () => {
  const nobody: Rights = { name: 'ann', id: 'user:ann', may: () => false };
  const refusal = (text: string) => {
    try {
      authorizeStatements(parseStatements(text), nobody, 'a');
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  };
  expect(refusal('SHOW DATABASES; SELECT v FROM m')).toBe(
    "error authorizing query: ann not authorized to execute statement 'SELECT v FROM m', requires READ on a",
  );
  expect(refusal("SET PASSWORD FOR x = 'secret'")).toBe(
    "error authorizing query: ann not authorized to execute statement 'SET PASSWORD FOR x = [REDACTED]', requires admin privilege",
  );
});
