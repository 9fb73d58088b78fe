import { RE2JS } from 're2js';
import { describe, expect, test } from 'vitest';
import { Random } from '../bytes/random.ts';
import { compileRegex } from './regex.ts';

describe('regular expressions of matchers', () => {
  function check(pattern: string, matching: string[], others: string[]) {
    const regex = compileRegex(pattern);
    for (const text of matching)
      expect(regex.test(text), `/${pattern}/ should match ${JSON.stringify(text)}`).toBe(true);
    for (const text of others)
      expect(regex.test(text), `/${pattern}/ should not match ${JSON.stringify(text)}`).toBe(false);
  }

  test('are anchored at both ends', () => {
    check('b', ['b'], ['ab', 'bc', '']);
    check('a|b', ['a', 'b'], ['ab', 'xa', 'bx']);
    check('a.|.b', ['ax', 'xb'], ['axb', 'a', 'b']);
    check('', [''], ['a']);
  });

  test('let the dot match a line feed, as Prometheus does', () => {
    check('a.b', ['a\nb'], ['ab']);
    check('.*', ['', '\n', 'a\nb'], []);
    check('.+', ['\n', 'a\nb'], ['']);
    check('a.*', ['a\n'], ['\na']);
  });

  test('know the simple forms', () => {
    check('lit.*', ['lit', 'litx'], ['li', 'xlit']);
    check('lit.+', ['litx'], ['lit']);
    check('.*lit', ['lit', 'xlit'], ['litx']);
    check('.+lit', ['xlit'], ['lit']);
    check('.*lit.*', ['lit', 'xlity'], ['li t']);
    check('.+lit.*', ['xlit', 'litlit'], ['lit', 'litx']);
    check('.*lit.+', ['litx', 'litlit'], ['lit', 'xlit']);
    check('.+lit.+', ['xlitx', 'litlitlit'], ['lit', 'litlit', 'litx']);
    check('.+.+', ['ab', 'a😀'], ['a', '😀', '']);
    check('.*.+', ['a', '😀'], ['']);
    check('(?:a|b|)', ['a', 'b', ''], ['c']);
    check('10\\.0\\.0\\.1|10\\.0\\.0\\.2', ['10.0.0.1'], ['10x0.0.1']);
    expect(compileRegex('(a|b|c)').literals).toEqual(['a', 'b', 'c']);
    expect(compileRegex('a\\.b').literals).toEqual(['a.b']);
    expect(compileRegex('a\\d').literals).toBeNull();
  });

  test('take what RE2 takes', () => {
    check('(?i)abc', ['ABC', 'abc'], ['abcd']);
    check('\\d{3}', ['123'], ['12', '1234']);
    check('\\p{Greek}+', ['αβγ'], ['abc']);
    check('[[:alpha:]]+', ['abc'], ['a1']);
    check('\\Qa.b|c\\E', ['a.b|c'], ['axb']);
    check('host-(1|2).*x', ['host-1x', 'host-2abcx'], ['host-3x', 'ost-1x']);
    check('ab?c', ['abc', 'ac'], ['a', 'bc']);
    check('a|b.*', ['a', 'bxyz'], ['ax']);
    check('x*', ['', 'xxx'], ['y']);
    check('\\.*', ['', '...'], ['a']);
  });

  test('refuse what RE2 refuses, naming it', () => {
    for (const bad of ['a)?(b', '*', 'a**', '(', 'a)', '[a', '(?=a)', '\\1', 'a{2,1}', 'x\\']) {
      expect(() => compileRegex(bad), bad).toThrow(expect.objectContaining({ code: 'bad_request' }));
    }
    expect(() => compileRegex('a**')).toThrow(/invalid nested repetition operator/);
  });

  test('do not blow up on patterns that backtrack elsewhere', () => {
    expect(compileRegex('(a*)*b').test('a'.repeat(5000))).toBe(false);
    expect(compileRegex('(x+x+)+y').test('x'.repeat(5000))).toBe(false);
  });

  test('are compiled once', () => {
    expect(compileRegex('c(a)ch[e]')).toBe(compileRegex('c(a)ch[e]'));
  });
});

const seed = Number(process.env.VARVE_SEED ?? Math.floor(Math.random() * 2 ** 31));

test(`the simple forms agree with RE2 on random patterns (VARVE_SEED=${seed})`, () => {
  const random = new Random(seed);
  const pieces = [
    'a',
    'b',
    'ab',
    '.*',
    '.+',
    '.',
    '|',
    '\\.',
    '(',
    ')',
    '(?:',
    '?',
    'a*',
    '[ab]',
    '😀',
    '\n',
    '^',
    '$',
  ];
  const letters = ['a', 'b', 'ab', '.', '😀', '\n', '|', ''];
  let valid = 0;
  for (let n = 0; n < 4000; n++) {
    const pattern = Array.from({ length: 1 + random.below(5) }, () => random.pick(pieces)).join('');
    let oracle: RE2JS;
    try {
      RE2JS.compile(pattern);
      oracle = RE2JS.compile(`^(?s:${pattern})$`);
    } catch {
      expect(() => compileRegex(pattern), pattern).toThrow();
      continue;
    }
    valid++;
    const regex = compileRegex(pattern);
    for (let k = 0; k < 8; k++) {
      const text = Array.from({ length: random.below(4) }, () => random.pick(letters)).join('');
      const want = oracle.matcher(text).matches();
      if (regex.test(text) !== want) expect.fail(`/${pattern}/ on ${JSON.stringify(text)}: want ${want}`);
      if (want) expect(text.startsWith(regex.prefix)).toBe(true);
      if (want && regex.literals !== null) expect(regex.literals).toContain(text);
    }
  }
  expect(valid).toBeGreaterThan(1000);
});
