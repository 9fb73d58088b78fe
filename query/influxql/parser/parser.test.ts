import { expect, test } from 'vitest';
import { VarveError } from '../../../errors/errors.ts';
import { printStatement } from '../print-statement.ts';
import { parseParameters } from './parameters.ts';
import { parseStatements } from './parser.ts';
import { BAD_STATEMENTS, GOOD_STATEMENTS } from './statements.cases.ts';

function messageOf(text: string, parameters = '{}'): string {
  try {
    parseStatements(text, parseParameters(parameters));
  } catch (error) {
    if (error instanceof VarveError) return error.message;
    throw error;
  }
  return 'no error';
}

/**
 * What InfluxDB's canonical text leaves out or says otherwise: empty names, passwords, fill(null), a shard duration without
 * end, digits of floats after the third, exponents, counts that no integer holds.
 */
const LOSSY = /""|PASSWORD|fill\(null\)|SHARD DURATION INF|\d\.\d{4}|0\.00001|10{20}|LIMIT 9{20}/;

test('good statements are taken, and their canonical texts are the same statements', () => {
  for (const text of GOOD_STATEMENTS) {
    const statements = parseStatements(text);
    const canonical = statements.map(printStatement).join(';');
    if (!LOSSY.test(text)) expect(parseStatements(canonical), text).toEqual(statements);
  }
});

test('bad statements are refused with a message', () => {
  for (const text of BAD_STATEMENTS) expect(messageOf(text), text).not.toBe('no error');
});

test('messages name the token, what may stand there, and the place', () => {
  const check = (text: string, want: string) => expect(messageOf(text), text).toBe(want);
  check('SELECT', 'found EOF, expected identifier, string, number, bool at line 1, char 8');
  check('SELECT a FORM m', 'found FORM, expected FROM at line 1, char 10');
  check('SELECT a\r\nFROM\nm\n  WHERE', 'found EOF, expected identifier, string, number, bool at line 4, char 9');
  check("SELECT '😀😀', é FROM m", 'found é, expected identifier, string, number, bool at line 1, char 14');
  check('SHOW TAG x', 'found x, expected KEY, KEYS, VALUES at line 1, char 10');
  check("SELECT 'x FROM m", 'found x FROM m, expected identifier, string, number, bool at line 1, char 7');
  check(
    'SELECT a FROM m; x',
    'found x, expected SELECT, DELETE, SHOW, CREATE, DROP, EXPLAIN, GRANT, REVOKE, ALTER, SET, KILL at line 1, char 18',
  );
  check('SELECT /(/ FROM m', 'error parsing regexp: missing closing ): `(` at line 1, char 7');
  check(
    'SELECT a = 1 FROM m',
    'invalid operator = in SELECT clause at line 1, char 8; operator is intended for WHERE clause',
  );
  check("SELECT a FROM m tz('Nowhere')", 'unable to find time zone Nowhere');
  // What a NUL hides, and an escape that never ends, which influxd's own header cannot carry.
  check('SELECT a\0 FROM m', 'found EOF, expected FROM at line 1, char 10');
  check("SELECT 'a\\", 'found \\\0, expected identifier, string, number, bool at line 1, char 11');
});

test('parameters take the places of literals, identifiers and regular expressions', () => {
  const check = (text: string, parameters: string, want: string) =>
    expect(parseStatements(text, parseParameters(parameters)).map(printStatement), text).toEqual([want]);
  check('SELECT a FROM m WHERE b = $x', '{"x": "it\'s"}', "SELECT a FROM m WHERE b = 'it\\'s'");
  check('SELECT a FROM m WHERE b > $x', '{"x": -5}', 'SELECT a FROM m WHERE b > -5');
  check('SELECT a FROM m WHERE b > $x', '{"x": 5.0}', 'SELECT a FROM m WHERE b > 5.000');
  check('SELECT a FROM m WHERE b = $x', '{"x": true}', 'SELECT a FROM m WHERE b = true');
  check('SELECT a FROM m WHERE b > $x', '{"x": 9007199254740993}', 'SELECT a FROM m WHERE b > 9007199254740993');
  check('SELECT $f FROM $m', '{"f": {"identifier": "a b"}, "m": {"ident": "c"}}', 'SELECT "a b" FROM c');
  check('SELECT a FROM m WHERE b =~ $x', '{"x": {"regex": "a/b"}}', 'SELECT a FROM m WHERE b =~ /a\\/b/');
  check(
    'SELECT a FROM m WHERE time > now() - $x',
    '{"x": {"duration": "90m"}}',
    'SELECT a FROM m WHERE time > now() - 90m',
  );
  check(
    'SELECT a FROM m WHERE time > now() - $x',
    '{"x": {"duration": 1000}}',
    'SELECT a FROM m WHERE time > now() - 1u',
  );
  check('SELECT a FROM m LIMIT $x', '{"x": {"integer": 3}}', 'SELECT a FROM m LIMIT 3');
  check('SELECT a FROM m WHERE b > $x', '{"x": {"float": 100}}', 'SELECT a FROM m WHERE b > 100.000');
});

test('parameters that are missing or of no kind are told', () => {
  const check = (parameters: string, want: string) =>
    expect(messageOf('SELECT a FROM m WHERE b = $x', parameters), parameters).toBe(want);
  check('{}', 'missing parameter: x');
  check('{"x": null}', 'missing parameter: unable to bind parameter with type <nil>');
  check('{"x": {"a": 1}}', 'missing parameter: unknown bind object type: a');
  check('{"x": {"a": 1, "b": 2}}', 'missing parameter: bound object parameter value must have exactly one entry');
  check('{"x": {"integer": 1.5}}', 'missing parameter: integer literal must be an integer value');
  check('{"x": 1e400}', 'error parsing json value: strconv.ParseInt: parsing "1e400": invalid syntax');
  check(
    '[1]',
    'error parsing query parameters: json: cannot unmarshal array into Go value of type map[string]interface {}',
  );
});

test('what nests too deeply is refused and does not overflow the stack', () => {
  const deep = 100_000;
  const tooDeep = 'too deeply nested: at most 400 levels are allowed';
  expect(messageOf(`SELECT ${'('.repeat(deep)}`)).toBe(tooDeep);
  expect(messageOf(`SELECT ${'f('.repeat(deep)}`)).toBe(tooDeep);
  expect(messageOf(`SELECT ${'-('.repeat(deep)}`)).toBe(tooDeep);
  expect(messageOf(`SELECT a FROM ${'(SELECT a FROM '.repeat(deep)}`)).toBe(tooDeep);
  const chain = (length: number) => `SELECT a FROM m WHERE ${Array(length).fill("h = 'x'").join(' OR ')}`;
  expect(messageOf(chain(deep))).toContain('expression too large');
  // Long lists of alternatives are common, and must print, too.
  const [long] = parseStatements(chain(1400));
  expect(printStatement(long)).toBe(chain(1400));
});

test('long statements of many fields are taken', () => {
  const text = `SELECT ${Array.from({ length: 20_000 }, (_, i) => `f${i} + 1`).join(', ')} FROM m`;
  expect(printStatement(parseStatements(text)[0])).toBe(text);
});
