/** What the parser refuses and how it says so; the structure of what it accepts is in lezer.test.ts and printer.test.ts. */
import { describe, expect, it } from 'vitest';

import { parseExpression, parseMetricSelector } from './parser.ts';

function errorOf(query: string): string {
  try {
    parseExpression(query);
  } catch (error) {
    return error instanceof Error ? error.message : `${error}`;
  }
  return 'parses';
}

function check(query: string, message: string): void {
  it(JSON.stringify(query), () => expect(errorOf(query)).toBe(message));
}

describe('syntax errors', () => {
  check('', 'unknown position: parse error: no expression found in input');
  check('# only a comment', '1:1: parse error: no expression found in input');
  check('1 +', '1:4: parse error: unexpected end of input');
  check('*1', '1:1: parse error: unexpected <op:*>');
  check('(1', '1:3: parse error: unclosed left parenthesis');
  check('(1))', "1:5: parse error: unexpected right parenthesis ')'");
  check('sum foo', '1:5: parse error: unexpected identifier "foo"');
  check('sum by (a:b) (c)', '1:9: parse error: unexpected metric identifier "a:b" in grouping opts, expected label');
  check('foo(bar "', '1:9: parse error: unterminated quoted string');
  check('foo(bar) "', '1:1: parse error: unknown function with name "foo"');
  check('1[5m] "', '1:2: parse error: ranges only allowed for vector selectors');
  check('a + on (b) group_left )', "1:24: parse error: unexpected right parenthesis ')'");
  check('(a + on (b) group_left )', '1:24: parse error: unexpected ")" in grouping opts, expected "("');
  check('a b', '1:3: parse error: unexpected identifier "b"');
  check('a\n  b c', '2:3: parse error: unexpected identifier "b"');
  // Columns count bytes.
  check('"ä" ü', "1:6: parse error: unexpected character: 'ü'");
  check('a[5m', '1:5: parse error: unclosed left bracket');
  check('a[', '1:3: parse error: unexpected end of input in duration expression');
  check(
    'a[]',
    '1:3: parse error: unexpected "]" in subquery or range selector, expected number, duration, step(), or range()',
  );
  check('a[5m:1m', '1:8: parse error: unclosed left bracket');
  check('a[5mm]', '1:3: parse error: bad number or duration syntax: "5mm"');
  check('a{', '1:3: parse error: unexpected end of input inside braces');
  check('a{b}', '1:4: parse error: unexpected "}" in label matching, expected label matching operator');
  check('a{b=c}', '1:5: parse error: unexpected identifier "c" in label matching, expected string');
  check('a{b="c" d="e"}', '1:9: parse error: unexpected identifier "d" in label matching, expected "," or "}"');
  check('a{=~"c"}', '1:3: parse error: unexpected <op:=~> in label matching, expected identifier or "}"');
  check('sum(a b)', '1:7: parse error: unexpected identifier "b" in aggregation');
  check('sum by a (b)', '1:8: parse error: unexpected identifier "a" in grouping opts, expected "("');
  check('sum by (a b) (c)', '1:11: parse error: unexpected identifier "b" in grouping opts, expected "," or ")"');
  check('sum by (,) (c)', '1:9: parse error: unexpected "," in grouping opts, expected label');
  check('sum(a) by (b) by (c)', '1:15: parse error: unexpected <by>');
  check(
    'a offset b',
    '1:10: parse error: unexpected identifier "b" in offset, expected number, duration, step(), or range()',
  );
  check('a @ b', '1:5: parse error: unexpected identifier "b" in @, expected timestamp');
  check('rate(a[1m],)', '1:11: parse error: trailing commas not allowed in function call args');
  check('nope(a)', '1:1: parse error: unknown function with name "nope"');
  check('"\\q"', "1:1: parse error: unknown escape sequence U+0071 'q'");
  check('"a', '1:1: parse error: unterminated quoted string');
  check('1 =~ 2', "1:3: parse error: unexpected character after '=': '~'");
  check('0x1G', '1:1: parse error: bad number or duration syntax: "0x1"');
});

describe('errors of type and meaning', () => {
  check('rate(a)', '1:6: parse error: expected type range vector in call to function "rate", got instant vector');
  check('sum(1)', '1:5: parse error: expected type instant vector in aggregation expression, got scalar');
  check('topk("a", b)', '1:6: parse error: expected type scalar in aggregation parameter, got string');
  check('topk(b)', '1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1');
  check('clamp(a, 1)', '1:1: parse error: expected 3 argument(s) in call to "clamp", got 2');
  check('round(a, 1, 2)', '1:1: parse error: expected at most 2 argument(s) in call to "round", got 3');
  check('label_join(a, "b")', '1:1: parse error: expected at least 3 argument(s) in call to "label_join", got 2');
  check('1 == 2', '1:3: parse error: comparisons between scalars must use BOOL modifier');
  check('a + bool b', '1:3: parse error: bool modifier can only be used on comparison operators');
  check('1 and a', '1:1: parse error: set operator "and" not allowed in binary scalar expression');
  check('a[1m] + b', '1:1: parse error: binary expression must contain only scalar and instant vector types');
  check('a + on (x) 1', '1:1: parse error: vector matching only allowed between instant vectors');
  check('a or on (x) group_left b', '1:1: parse error: no grouping allowed for "or" operation');
  check('a + on (x) group_left (x) b', '1:3: parse error: label "x" must not occur in ON and GROUP clause at once');
  check('a unless fill (0) b', '1:1: parse error: filling in missing series not allowed for set operators');
  check('{}', '1:1: parse error: vector selector must contain at least one non-empty matcher');
  check('{a=""}', '1:1: parse error: vector selector must contain at least one non-empty matcher');
  check('{a=~".*"}', '1:1: parse error: vector selector must contain at least one non-empty matcher');
  check('a{__name__="b"}', '1:1: parse error: metric name must not be set twice: "a" or "b"');
  check('a{b=~"("}', '1:3: parse error: error parsing regexp: missing closing ): `(`');
  check(
    '-a[1m]',
    '1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got "range vector"',
  );
  check('a[1m][1m]', '1:6: parse error: ranges only allowed for vector selectors');
  check('a offset 1m [1m]', '1:13: parse error: no offset modifiers allowed before range');
  check('a @ 1 [1m]', '1:7: parse error: no @ modifiers allowed before range');
  check('a offset 1m offset 1m', '1:1: parse error: offset may not be set multiple times');
  check('a @ 1 @ 2', '1:1: parse error: @ <timestamp> may not be set multiple times');
  check(
    'sum(a) offset 1m',
    '1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery',
  );
  check('a @ Inf', '1:1: parse error: timestamp out of bounds for @ modifier: +Inf');
  check(
    'a @ -1e30',
    '1:1: parse error: timestamp out of bounds for @ modifier: -1000000000000000019884624838656.000000',
  );
  check('a[:5m]', '1:4: parse error: unexpected colon before duration in duration expression');
  check('1.5h', '1:1: parse error: unknown unit "." in duration "1.5h"');
  check('1h1h', '1:1: parse error: not a valid duration string: "1h1h"');
  check('sum(fill(1))', '1:9: parse error: unexpected "(" in aggregation');
  check('a + fill(1) fill_left(2) a', '1:22: parse error: unexpected "("');
  check('1[5m:]', '1:1: parse error: subquery is only allowed on instant vector, got scalar instead');
  check('a[0s]', '1:3: parse error: duration must be greater than 0');
  check('a[1m / 0]', '1:6: parse error: division by zero');
  check('a anchored smoothed', '1:1: parse error: anchored and smoothed modifiers cannot be used together');
  check('a[5m:] anchored', '1:1: parse error: anchored modifier is not supported for subqueries');
  check('info(a, b)', '1:9: parse error: expected label selectors only, got vector selector instead');
  check('1e999', '1:1: parse error: error parsing number: strconv.ParseFloat: parsing "1e999": value out of range');
});

describe('limits', () => {
  it('refuses nesting that would take the stack, and takes what is merely long', () => {
    expect(errorOf(`${'('.repeat(5000)}1${')'.repeat(5000)}`)).toContain('nested too deeply');
    expect(errorOf(Array.from({ length: 900 }, () => '1').join(' + '))).toBe('parses');
    expect(errorOf(Array.from({ length: 5000 }, () => '1').join(' + '))).toContain('nested too deeply');
  });
});

describe('metric selectors', () => {
  it('are selectors and nothing else', () => {
    expect(parseMetricSelector('up{job="a"}').matchers).toHaveLength(2);
    expect(() => parseMetricSelector('rate(up[5m])')).toThrow('unexpected "("');
    expect(() => parseMetricSelector('up offset 5m')).toThrow('unexpected <offset>');
    expect(() => parseMetricSelector('1')).toThrow('unexpected number "1"');
  });
});
