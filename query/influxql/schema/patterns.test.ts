/** The shortcuts for simple patterns decide as RE2 does. */
import { RE2JS } from 're2js';
import { expect, it } from 'vitest';
import { Random } from '../../../bytes/random.ts';
import { matcherOf, patternMatcher } from './patterns.ts';

const PATTERNS = [
  '',
  '.*',
  '^.*',
  '^',
  '$',
  '^$',
  'a',
  '^a',
  'a$',
  '^a$',
  '^a\\.b$',
  'a\\/b',
  '^(a|b|ab)$',
  '^(?:a|b\\.|)$',
  '^(a\\|b|c)$',
  '^a|b$',
  '^ab+',
  '^ab*c',
  '^ab?',
  '^ab{2}',
  '^a\\.+b',
  '^[ab]c',
  '^a.c',
  '^(?i)ABC$',
  '(?i)^ABC$',
  '^a(b|c)$',
  '^a\\d',
  '^é*a',
];

it('simple patterns match what RE2 matches', () => {
  const seed = Number(process.env.VARVE_SEED ?? Date.now() % 1e9);
  const random = new Random(seed);
  const texts = ['', 'a', 'b', 'ab', 'abc', 'a.b', 'a|b', 'c', 'a/b', 'b.', 'abbb', 'ac', 'aéa', 'éa', 'a\nb', 'ABC'];
  for (let n = 0; n < 300; n++) {
    texts.push(Array.from({ length: random.below(5) }, () => random.pick([...'abc.|/é1\n'])).join(''));
  }
  for (const pattern of PATTERNS) {
    const regex = RE2JS.compile(pattern);
    const { literals, prefix } = patternMatcher('key', '=~', pattern);
    for (const text of texts) {
      const want = regex.matcher(text).find();
      const where = `/${pattern}/ on ${JSON.stringify(text)} (VARVE_SEED=${seed})`;
      expect(matcherOf(pattern)(text), where).toBe(want);
      if (literals) expect(literals.includes(text), where).toBe(want);
      if (want) expect(text.startsWith(prefix ?? ''), where).toBe(true);
    }
  }
});

it('the index is told what there is to look up', () => {
  expect(patternMatcher('k', '=~', '^(host_1|host\\.2)$').literals).toEqual(['host_1', 'host.2']);
  expect(patternMatcher('k', '=~', '^host_1$').literals).toEqual(['host_1']);
  expect(patternMatcher('k', '=~', '^host_1\\d+$').prefix).toBe('host_1');
  expect(patternMatcher('k', '=~', '^host_1*').prefix).toBe('host_');
  expect(patternMatcher('k', '=~', 'host_1').prefix).toBe('');
});

it('a pattern that Go does not take is refused', () => {
  expect(() => matcherOf('a(')).toThrow('missing closing )');
});
