import { expect, test } from 'vitest';
import { AnswerBytes } from './answer-bytes.ts';

function written(write: (bytes: AnswerBytes) => void): string {
  const bytes = new AnswerBytes(16);
  write(bytes);
  return Buffer.from(bytes.take()).toString();
}

test('floats are written as encoding/json writes them', () => {
  const check = (value: number, want: string) => expect(written((bytes) => bytes.float(value))).toBe(want);
  check(0, '0');
  check(-0, '-0');
  check(3, '3');
  check(-3, '-3');
  check(1.5, '1.5');
  check(123456789.125, '123456789.125');
  check(1e20, '100000000000000000000');
  check(1e21, '1e+21');
  check(-1e21, '-1e+21');
  check(0.000001, '0.000001');
  check(1e-7, '1e-7');
  check(5e-324, '5e-324');
  check(1.7976931348623157e308, '1.7976931348623157e+308');
  check(0.1 + 0.2, '0.30000000000000004');
  // JSON has no words for these.
  check(Number.NaN, 'null');
  check(Infinity, 'null');
});

test('whole numbers keep every digit', () => {
  expect(written((bytes) => bytes.integer(-9007199254740991))).toBe('-9007199254740991');
  expect(written((bytes) => bytes.wide(-9223372036854775808n))).toBe('-9223372036854775808');
  expect(written((bytes) => bytes.wide(18446744073709551615n))).toBe('18446744073709551615');
});

test('strings are escaped as encoding/json escapes them', () => {
  const check = (text: string, want: string) => expect(written((bytes) => bytes.json(text))).toBe(want);
  check('', '""');
  check('a"b\\c/', '"a\\"b\\\\c/"');
  check('\n\r\t', '"\\n\\r\\t"');
  check('\b\f\u0001\u007f', '"\\u0008\\u000c\\u0001\u007f"');
  check('<a href="x">&', '"\\u003ca href=\\"x\\"\\u003e\\u0026"');
  check('é😀\u2028x\u2029ü', '"é😀\\u2028x\\u2029ü"');
});

test('instants are RFC 3339 with the decimals they need', () => {
  const check = (sec: number, nano: number, want: string, zone: string | null = null) =>
    expect(written((bytes) => bytes.instant(sec, nano, zone))).toBe(want);
  check(0, 0, '1970-01-01T00:00:00Z');
  check(0, 1, '1970-01-01T00:00:00.000000001Z');
  check(1500000000, 120_000_000, '2017-07-14T02:40:00.12Z');
  check(-1500000001, 999_999_999, '1922-06-20T21:19:59.999999999Z');
  check(-9223372037, 145_224_194, '1677-09-21T00:12:43.145224194Z');
  check(9223372036, 854_775_806, '2262-04-11T23:47:16.854775806Z');
  check(1500000000, 0, '2017-07-14T04:40:00+02:00', 'Europe/Berlin');
  check(1500000000, 5, '2017-07-13T19:40:00.000000005-07:00', 'America/Los_Angeles');
  check(1500000000, 0, '2017-07-14T08:25:00+05:45', 'Asia/Kathmandu');
  check(1500000000, 0, '2017-07-14T02:40:00Z', 'UTC');
});

test('epochs are cut off towards zero', () => {
  const check = (sec: number, nano: number, unitSec: number, digits: number, want: string) =>
    expect(written((bytes) => bytes.epoch(sec, nano, unitSec, digits))).toBe(want);
  check(1500000000, 1, 0, 9, '1500000000000000001');
  check(1500000000, 1, 0, 6, '1500000000000000');
  check(-1500000001, 999_999_999, 0, 9, '-1500000000000000001');
  check(-1500000001, 999_999_999, 0, 3, '-1500000000000');
  check(-1500000001, 999_999_999, 1, 0, '-1500000000');
  check(-1500000001, 999_999_999, 60, 0, '-25000000');
  check(0, 24_998, 0, 9, '24998');
  check(-1, 999_999_999, 0, 9, '-1');
  check(-1, 999_999_999, 0, 6, '0');
  check(-1, 999_999_999, 1, 0, '0');
  check(-59, 0, 60, 0, '0');
  check(-9223372037, 145_224_194, 0, 9, '-9223372036854775806');
});

test('what was written can be taken back until it was taken away', () => {
  const bytes = new AnswerBytes(16);
  bytes.text('one');
  const two = bytes.position;
  bytes.text('two');
  expect(bytes.cut(two)).toBe(true);
  bytes.text('2');
  expect(Buffer.from(bytes.take()).toString()).toBe('one2');
  expect(bytes.cut(two)).toBe(false);
  bytes.text('three');
  expect(Buffer.from(bytes.take()).toString()).toBe('three');
});
