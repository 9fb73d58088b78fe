/** Label sets and their hash. */
import { describe, expect, it } from 'vitest';

import { compareLabels, labelsFromPairs } from './labels.ts';
import { hashFraction, xxHash64 } from './labels-hash.ts';

const labels = (pairs: Record<string, string>) => labelsFromPairs(Object.entries(pairs));

describe('labels', () => {
  it('are sorted and without empty values', () => {
    expect(`${labels({ b: '2', a: '1', c: '' })}`).toBe('{a="1", b="2"}');
    expect(`${labels({ 'x.y': 'a"b' })}`).toBe('{"x.y"="a\\"b"}');
  });

  it('change into new sets', () => {
    const base = labels({ a: '1', c: '3' });
    expect(`${base.with('b', '2')}`).toBe('{a="1", b="2", c="3"}');
    expect(`${base.with('a', '')}`).toBe('{c="3"}');
    expect(`${base.with('d', '4')}`).toBe('{a="1", c="3", d="4"}');
    expect(`${base}`).toBe('{a="1", c="3"}');
    expect(`${labels({ __name__: 'm', __type__: 'gauge', __unit__: 's', a: '1' }).withoutMetadata()}`).toBe('{a="1"}');
  });

  it('have keys that only equal sets share', () => {
    expect(labels({ a: '1', b: '2' }).key).toBe(labels({ b: '2', a: '1' }).key);
    expect(labels({ a: '1b2' }).key).not.toBe(labels({ a: '1', b: '2' }).key);
    expect(labels({ ab: 'c' }).key).not.toBe(labels({ a: 'bc' }).key);
  });

  it('are ordered pair by pair, the shorter first', () => {
    const sorted = [labels({ a: '1', b: '1' }), labels({ a: '1' }), labels({ b: '0' }), labels({ a: '0', z: '9' })];
    expect(sorted.sort(compareLabels).map(String)).toEqual(['{a="0", z="9"}', '{a="1"}', '{a="1", b="1"}', '{b="0"}']);
  });
});

describe('hash', () => {
  const encoder = new TextEncoder();
  // Published vectors of xxHash64 with seed 0.
  const check = (text: string, hash: bigint) => {
    it(JSON.stringify(text), () => expect(xxHash64(encoder.encode(text))).toBe(hash));
  };
  check('', 0xef46db3751d8e999n);
  check('a', 0xd24ec4f1a98c6e5bn);
  check('abc', 0x44bc2cf5ad770999n);
  check('Nobody inspects the spammish repetition', 0xfbcea83c8a378bf1n);

  it('spreads label sets evenly', () => {
    let below = 0;
    for (let i = 0; i < 2000; i++) if (hashFraction(labels({ instance: `host-${i}` })) < 0.25) below++;
    expect(below).toBeGreaterThan(420);
    expect(below).toBeLessThan(580);
  });
});
