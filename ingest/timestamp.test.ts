import { describe, expect, test } from 'vitest';
import { newRandom } from './random.ts';
import {
  BAD_TIMESTAMP,
  parsePrecision,
  scannedTime,
  scanTimestamp,
  TIMESTAMP_RANGE,
  timestampRangeReason,
  truncateTime,
} from './timestamp.ts';

const UNIT_NS = { ns: 1n, us: 1000n, ms: 1000000n, s: 1000000000n, m: 60000000000n, h: 3600000000000n };
const LIMIT = 9223372036854775806n;

/** Scans `text` and returns ns, or the negative code. */
function scan(text: string, precision: keyof typeof UNIT_NS): bigint | number {
  const at = scanTimestamp(Buffer.from(`${text}\n`), 0, parsePrecision(precision));
  if (at < 0) return at;
  const [, nano] = scannedTime;
  if (at !== text.length || nano < 0 || nano >= 1e9) expect.fail(`${text} was read up to ${at}, with ${nano} ns`);
  return BigInt(scannedTime[0]) * 1000000000n + BigInt(scannedTime[1]);
}

function check(value: bigint, precision: keyof typeof UNIT_NS): void {
  const ns = value * UNIT_NS[precision];
  const want = ns > LIMIT || ns < -LIMIT ? TIMESTAMP_RANGE : ns;
  const got = scan(String(value), precision);
  if (got !== want) expect.fail(`${value} ${precision} was read as ${got}, not ${want}`);
}

describe('scanTimestamp', () => {
  test('is exact at and beyond the edges of the range, in every unit', () => {
    for (const [name, unit] of Object.entries(UNIT_NS)) {
      for (const edge of [0n, LIMIT / unit, (1n << 53n) / unit, 1n << 53n, 1n << 63n, 1n << 64n, 10n ** 18n]) {
        for (let d = -3n; d <= 3n; d++) {
          check(edge + d, name as keyof typeof UNIT_NS);
          check(-edge + d, name as keyof typeof UNIT_NS);
        }
      }
    }
  });

  test('is exact for random times in every unit', () => {
    const random = newRandom('timestamp');
    const units = Object.keys(UNIT_NS) as (keyof typeof UNIT_NS)[];
    for (let i = 0; i < 30000; i++) {
      const bits = (BigInt(random.below(4294967296)) << 32n) | BigInt(random.below(4294967296));
      check(BigInt.asIntN(64, bits) >> BigInt(random.below(63)), random.pick(units));
    }
  });

  test('takes leading zeros and minus zero', () => {
    expect(scan('0001', 'ns')).toBe(1n);
    expect(scan('-0', 'ns')).toBe(0n);
    expect(Object.is(scannedTime[0], 0)).toBe(true);
    expect(scan(`${'0'.repeat(40)}1`, 's')).toBe(1000000000n);
  });

  test('refuses what is no integer', () => {
    for (const text of ['1.0', '1e3', '+5', 'x', '1x', '--1', '1,', '1\t'])
      expect(scan(text, 'ns')).toBe(BAD_TIMESTAMP);
    expect(scan('-', 'ns')).toBe(TIMESTAMP_RANGE);
  });
});

test('the reasons are InfluxDB’s', () => {
  expect(timestampRangeReason('-')).toBe('strconv.ParseInt: parsing "-": invalid syntax');
  expect(timestampRangeReason('9223372036854775808')).toBe(
    'strconv.ParseInt: parsing "9223372036854775808": value out of range',
  );
  expect(timestampRangeReason('9223372036854775807')).toBe(
    'time outside range -9223372036854775806 - 9223372036854775806',
  );
});

test('parsePrecision knows all spellings and refuses others', () => {
  for (const text of [undefined, null, '', 'n', 'ns']) expect(parsePrecision(text).name).toBe('ns');
  for (const text of ['u', 'us', 'µ', 'μ']) expect(parsePrecision(text).name).toBe('us');
  for (const text of ['ms', 's', 'm', 'h']) expect(parsePrecision(text).name).toBe(text);
  expect(() => parsePrecision('d')).toThrow('invalid precision "d"');
});

test('truncateTime truncates toward the past', () => {
  expect(truncateTime(1000, 123456789, parsePrecision('us'))).toEqual({ sec: 1000, nano: 123456000 });
  expect(truncateTime(1000, 123456789, parsePrecision('ms'))).toEqual({ sec: 1000, nano: 123000000 });
  expect(truncateTime(1000, 123456789, parsePrecision('s'))).toEqual({ sec: 1000, nano: 0 });
  expect(truncateTime(1000, 123456789, parsePrecision('m'))).toEqual({ sec: 960, nano: 0 });
  expect(truncateTime(-1, 5, parsePrecision('h'))).toEqual({ sec: -3600, nano: 0 });
});
