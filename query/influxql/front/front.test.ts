import { expect, test } from 'vitest';
import { VarveError } from '../../../errors/errors.ts';
import type { SelectStatement } from '../ast.ts';
import { parseStatements } from '../parser/parser.ts';
import { printExpression, printSelect } from '../print.ts';
import { checkSelect } from './check-select.ts';
import { columnNames } from './column-names.ts';
import { conditionOf } from './condition.ts';
import { memorySchema } from './memory-schema.cases.ts';
import { reduceExpression } from './reduce.ts';
import { rewriteSelect } from './rewrite.ts';
import { CASE_SHAPES, SELECT_CASES } from './selects.cases.ts';
import { parseTimeLiteral } from './time-literal.ts';

const NOW_NS = 1_600_000_000_000_000_000n;
const MIN_NS = -9223372036854775806n;
const MAX_NS = 9223372036854775806n;
const schema = memorySchema(CASE_SHAPES);

function parseSelect(text: string): SelectStatement {
  const [statement] = parseStatements(text);
  if (statement.kind !== 'select') throw new Error(`${text} is no SELECT`);
  return statement;
}

function field(text: string): SelectStatement['fields'][number]['expression'] {
  return parseSelect(`SELECT ${text} FROM m`).fields[0].expression;
}

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof VarveError) return error.message;
    throw error;
  }
  return 'no error';
}

function checkReduced(text: string, want: string): void {
  const options = { nowNs: NOW_NS, timezone: null, math: true };
  expect(printExpression(reduceExpression(field(text), options)), text).toBe(want);
}

test('constants are computed, and nothing else is', () => {
  checkReduced('1 + 2 * 3', '7');
  checkReduced('a + (1 + 2)', 'a + 3');
  checkReduced('a + 1 + 2', 'a + 1 + 2');
  checkReduced('(((a)))', 'a');
  checkReduced('7 / 2', '3.500');
  checkReduced('7 / 0', '0.000');
  checkReduced('7 % 0', '0');
  checkReduced('-7 % 3', '-1');
  checkReduced('7 & 3 | 8', '11');
  checkReduced('9223372036854775807 + 1', '-9223372036854775808');
  checkReduced('18446744073709551615 + 1', '0');
  checkReduced('1.5 * 2', '3.000');
  checkReduced('abs(-2) * a', '2 * a');
  checkReduced('pow(2, 3) + abs(a)', '8.000 + abs(a)');
  checkReduced("'a' + 'b'", "'ab'");
});

test('durations and instants are computed with', () => {
  checkReduced('1h + 30m', '90m');
  checkReduced('1h * 2', '2h');
  checkReduced('1h / 4', '15m');
  checkReduced('now() - 1h', "'2020-09-13T11:26:40Z'");
  checkReduced('now() - now()', '0s');
  checkReduced("'2020-01-01' + 1s", "'2020-01-01T00:00:01Z'");
  checkReduced("'2020-01-02' - '2020-01-01'", '1d');
  checkReduced('1000000000 + 1s', "'1970-01-01T00:00:02Z'");
});

test('instants are read in their zone', () => {
  const check = (text: string, timezone: string | null, want: string | null) => {
    const ns = parseTimeLiteral(text, timezone);
    expect(ns === null ? null : printExpression({ kind: 'time', value: ns }), text).toBe(want && `'${want}'`);
  };
  check('2020-01-01', null, '2020-01-01T00:00:00Z');
  check('2020-01-01 1:02:03', null, '2020-01-01T01:02:03Z');
  check('2020-01-01 01:02:03.123456789', null, '2020-01-01T01:02:03.123456789Z');
  check('2020-01-01T01:02:03Z', null, '2020-01-01T01:02:03Z');
  check('2020-01-01T01:02:03+02:00', null, '2019-12-31T23:02:03Z');
  check('1965-06-01T00:00:00.5Z', null, '1965-06-01T00:00:00.5Z');
  check('2020-01-01T01:02:03', null, null);
  check('2020-01-01 01:02:03Z', null, null);
  check('2020-02-30', null, null);
  check('2020-01-01T24:00:00Z', null, null);
  check('2020-07-01', 'Europe/Berlin', '2020-06-30T22:00:00Z');
  check('2020-01-01T00:00:00Z', 'Europe/Berlin', '2020-01-01T00:00:00Z');
  // Clocks go from 2 to 3 on the 29th of March, and from 3 back to 2 on the 25th of October.
  check('2020-03-29 01:59:59', 'Europe/Berlin', '2020-03-29T00:59:59Z');
  check('2020-03-29 03:00:00', 'Europe/Berlin', '2020-03-29T01:00:00Z');
  check('2020-10-25 01:59:59', 'Europe/Berlin', '2020-10-24T23:59:59Z');
  check('2020-10-25 03:00:00', 'Europe/Berlin', '2020-10-25T02:00:00Z');
});

test('a condition is taken apart into a range of time and the rest', () => {
  const check = (text: string, minNs: bigint, maxNs: bigint, rest: string | null) => {
    const { condition } = parseSelect(`SELECT a FROM m WHERE ${text}`);
    const split = conditionOf(condition, { nowNs: NOW_NS, timezone: null });
    expect([split.minNs, split.maxNs], text).toEqual([minNs, maxNs]);
    expect(split.condition === null ? null : printExpression(split.condition), text).toBe(rest);
  };
  check('b = 1', MIN_NS, MAX_NS, 'b = 1');
  check('time > 5', 6n, MAX_NS, null);
  check('5 <= time AND 10 > time', 5n, 9n, null);
  check('time = 5s', 5_000_000_000n, 5_000_000_000n, null);
  check('time >= now() - 1s', NOW_NS - 1_000_000_000n, MAX_NS, null);
  check('time > 5 AND (b = 1 OR c = 2) AND time < 10 AND time < 8', 6n, 7n, 'b = 1 OR c = 2');
  check('(time > 5 AND b = 1)', 6n, MAX_NS, 'b = 1');
  check('time > 5 OR b = 1', 6n, MAX_NS, 'b = 1');
  check('b = 1 + 2 AND true', MIN_NS, MAX_NS, 'b = 3');
  check('1 = 1', MIN_NS, MAX_NS, null);
  check('1 = 2 OR time > 5', 6n, MAX_NS, 'false');
  check("time > '1970-01-01T00:00:01Z'", 1_000_000_001n, MAX_NS, null);
  check('time > 9223372036854775807', -9223372036854775808n, MAX_NS, null);
  check('time > -5', -4n, MAX_NS, null);
});

test('columns are named for fields, and told apart', () => {
  const check = (text: string, want: string[]) =>
    expect(columnNames(parseSelect(`SELECT ${text} FROM m`)), text).toEqual(want);
  check('a, b', ['a', 'b']);
  check('a, a, a AS a_1', ['a', 'a_2', 'a_1']);
  check('mean(a), mean(b), mean(c)', ['mean', 'mean_1', 'mean_2']);
  check('a + b * mean(c)', ['a_b_mean']);
  check('(a)', ['a']);
  check('top(a, b, c, 3), d', ['top', 'b', 'c', 'd']);
  check('top(a, b, 3) INTO x', ['top']);
  check('a AS b, b', ['b', 'b_1']);
});

test('wildcards are written out, and variables have types', () => {
  const check = (text: string, want: string) =>
    expect(printSelect(rewriteSelect(parseSelect(text), schema)), text).toBe(want);
  check('SELECT * FROM m', 'SELECT b::boolean, f::float, h::tag, i::integer, r::tag, s::string FROM m');
  check('SELECT *::tag FROM m', 'SELECT h::tag, r::tag FROM m');
  check('SELECT * FROM m GROUP BY h', 'SELECT b::boolean, f::float, i::integer, r::tag, s::string FROM m GROUP BY h');
  check('SELECT *::field FROM m GROUP BY *', 'SELECT b::boolean, f::float, i::integer, s::string FROM m GROUP BY h, r');
  check('SELECT f FROM m GROUP BY /h/', 'SELECT f::float FROM m GROUP BY h');
  check('SELECT /[fh]/ FROM m', 'SELECT f::float, h::tag FROM m');
  check('SELECT mean(*) FROM m', 'SELECT mean(f::float) AS mean_f, mean(i::integer) AS mean_i FROM m');
  check('SELECT count(/[bs]/) AS x FROM m', 'SELECT count(b::boolean) AS x_b, count(s::string) AS x_s FROM m');
  check('SELECT derivative(max(/f/), 1s) FROM m', 'SELECT derivative(max(f::float), 1s) AS derivative_f FROM m');
  // A float is stronger than an integer, wherever it comes from.
  check('SELECT f FROM m, n', 'SELECT f::float FROM m, n');
  check('SELECT * FROM n', 'SELECT f::integer, g::tag, o::float FROM n');
  check('SELECT nothing, h, f::integer FROM m', 'SELECT nothing, h::tag, f::integer FROM m');
  check("SELECT f FROM m WHERE h = 'a' AND i > 1", "SELECT f::float FROM m WHERE h::tag = 'a' AND i::integer > 1");
  check(
    'SELECT * FROM (SELECT mean(i), h AS x FROM m GROUP BY r)',
    'SELECT mean::float, r::tag, x::tag FROM (SELECT mean(i::integer), h::tag AS x FROM m GROUP BY r)',
  );
  check('SELECT * FROM none', 'SELECT  FROM none');
});

test('what follows from a statement alone', () => {
  const check = (text: string) => checkSelect(parseSelect(text), NOW_NS);
  expect(check('SELECT time AS t, f FROM m').timeColumn).toBe('t');
  expect(printSelect(check('SELECT time AS t, f FROM m').statement)).toBe('SELECT f FROM m');
  expect(printSelect(check('SELECT count(DISTINCT f) FROM m').statement)).toBe('SELECT count(distinct(f)) FROM m');
  expect(check('SELECT f FROM m').maxNs).toBe(MAX_NS);
  const windows = check('SELECT mean(f) FROM m WHERE time > 5 GROUP BY time(1m, 90s)');
  expect(windows).toMatchObject({ minNs: 6n, maxNs: NOW_NS, hasMin: true });
  expect(windows.windows).toEqual({ durationNs: 60_000_000_000n, offsetNs: 30_000_000_000n });
  expect(windows.statement.condition).toBeNull();
  // 40 s past the minute.
  expect(check('SELECT mean(f) FROM m GROUP BY time(1m, now())').windows.offsetNs).toBe(40_000_000_000n);
});

test('what makes no sense is refused, in words that users know', () => {
  const check = (text: string, want: string) =>
    expect(
      messageOf(() => rewriteSelect(checkSelect(parseSelect(text), NOW_NS).statement, schema)),
      text,
    ).toBe(want);
  check('SELECT f, mean(f) FROM m', 'mixing aggregate and non-aggregate queries is not supported');
  check('SELECT nothing(f) FROM m', 'undefined function nothing()');
  check('SELECT f FROM m GROUP BY time(1m)', 'GROUP BY requires at least one aggregate function');
  check('SELECT s + f FROM m', 'type error: s::string + f::float: incompatible types: string and float');
  check('SELECT f FROM m WHERE time > true', 'invalid operation: time and *influxql.BooleanLiteral are not compatible');
  check("SELECT f FROM m WHERE time > '2020-13-01'", 'invalid timestamp string');
  check('SELECT top(f, 0) FROM m', 'limit (0) in top function must be at least 1');
  check('SELECT f + max(*) FROM m', 'unsupported expression with wildcard: max()');
});

test('long lists of alternatives and deep nesting are no trouble', () => {
  const alternatives = Array.from({ length: 1400 }, (_, i) => `h = 'host-${i}'`).join(' OR ');
  const text = `SELECT f FROM m WHERE (${alternatives}) AND time > 0`;
  const checked = checkSelect(parseSelect(text), NOW_NS).statement;
  expect(printSelect(rewriteSelect(checked, schema))).toContain("OR h::tag = 'host-1399'");
  const deep = `SELECT f FROM ${'(SELECT f FROM '.repeat(200)}m${')'.repeat(200)}`;
  expect(printSelect(rewriteSelect(checkSelect(parseSelect(deep), NOW_NS).statement, schema))).toContain('f::float');
});

test('every case is either fine or refused with a message', () => {
  for (const text of SELECT_CASES) {
    expect(
      messageOf(() => rewriteSelect(checkSelect(parseSelect(text), NOW_NS).statement, schema)),
      text,
    ).not.toBe('');
  }
});
