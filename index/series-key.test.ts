import { describe, expect, test } from 'vitest';
import { KeyParts, KeyWriter, parseCanonicalKey } from './series-key.ts';

const decoder = new TextDecoder();
const bytes = (text: string) => new TextEncoder().encode(text);

function write(measurement: string, ...tags: string[]): string {
  const writer = new KeyWriter();
  const keys = tags.filter((_, i) => i % 2 === 0).map(bytes);
  const values = tags.filter((_, i) => i % 2 === 1).map(bytes);
  writer.write(bytes(measurement), keys, values);
  return decoder.decode(writer.bytes.subarray(0, writer.length));
}

function parse(key: string): string[] | null {
  const parts = new KeyParts();
  const raw = bytes(`<<${key}`);
  if (!parseCanonicalKey(raw, 2, raw.length, parts)) return null;
  return Array.from({ length: parts.count }, (_, i) => decoder.decode(parts.slice(i)));
}

describe('the canonical key', () => {
  function check(parts: string[], want: string) {
    const [measurement, ...tags] = parts;
    expect(write(measurement, ...tags)).toBe(want);
    expect(parse(want)).toEqual(parts);
  }

  test('escapes what line protocol escapes, and nothing else', () => {
    check(['m'], 'm');
    check(['m', 'a', '1', 'b', '2'], 'm,a=1,b=2');
    check(['a b,c=d', 'k =,', 'v =,'], 'a\\ b\\,c=d,k\\ \\=\\,=v\\ \\=\\,');
    check(['m', 'path', 'C:\\x\\y'], 'm,path=C:\\x\\y');
    check(['m"q', 't"', '"v"'], 'm"q,t"="v"');
    check(['', 'a', 'ü€😀'], ',a=ü€😀');
  });

  test('keeps apart what escapes could confuse', () => {
    // A backslash before a separator is a backslash and an escaped separator.
    check(['m\\,', 'a\\=', 'b\\ '], 'm\\\\,,a\\\\==b\\\\ ');
    // In a measurement, = and " are escaped only where line protocol would unescape them.
    check(['m\\=x', 'a', '1'], 'm\\\\=x,a=1');
    check(['m\\"x', 'a', '1'], 'm\\\\"x,a=1');
    // A last backslash would hide the separator; a line feed cannot come by line protocol.
    check(['m\\', 'a\\', 'b\\', 'c', '\\'], 'm\\\n,a\\\n=b\\\n,c=\\\n');
    check(['m\\\n', 'a', 'x\n'], 'm\\\n\n,a=x\n');
  });

  test('sorts tags by the bytes of their unescaped keys', () => {
    expect(write('m', 'a-', '1', 'a ', '2', 'A', '3')).toBe('m,A=3,a\\ =2,a-=1');
    // 'a' is a prefix of 'a!' and sorts before it, although '=' sorts after '!'.
    expect(write('m', 'a!', '1', 'a', '2')).toBe('m,a=2,a!=1');
  });

  test('measurement bytes that are not canonical are refused', () => {
    for (const bad of [
      'm\\=x',
      'm\\"x',
      'm\\',
      'm a',
      'm,a=1,a=2',
      'm,b=1,a=2',
      'm,a=1\\',
      'm,a',
      'm,a=',
      'm,=',
      'm,,',
    ]) {
      expect(parse(bad), bad).toBeNull();
    }
  });
});
