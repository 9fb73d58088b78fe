import { expect, test } from 'vitest';
import { FLOAT, INTEGER, UNSIGNED } from '../batch/field-type.ts';
import { numberKind, scanNumber, wideNumber } from './number-parser.ts';
import { newRandom } from './random.ts';

const out = new Float64Array(1);
const outBits = new BigInt64Array(out.buffer);
const want = new Float64Array(1);
const wantBits = new BigInt64Array(want.buffer);
const words = new Uint32Array(want.buffer);

/** Scans `text` in front of a random delimiter and compares all bits with what `Number` makes of it. */
function checkFloat(text: string, delimiter: string): void {
  want[0] = Number(text);
  const expected = wantBits[0];
  const at = scanNumber(Buffer.from(`${text}${delimiter}\n`), 0, out, 0);
  if (!Number.isFinite(Number(text))) {
    if (at >= 0) expect.fail(`${text} was accepted as ${out[0]}`);
  } else if (at !== text.length || outBits[0] !== expected || numberKind[0] !== FLOAT) {
    expect.fail(`${text} was read as ${out[0]} (${outBits[0]}), not ${Number(text)} (${expected}), up to ${at}`);
  }
}

function checkInteger(value: bigint, suffix: 'i' | 'u', zeros: string): void {
  const text = `${value < 0n ? '-' : ''}${zeros}${value < 0n ? -value : value}${suffix}`;
  const at = scanNumber(Buffer.from(`${text} \n`), 0, out, 0);
  const fits = suffix === 'i' ? BigInt.asIntN(64, value) === value : value >= 0n && BigInt.asUintN(64, value) === value;
  if (!fits) {
    if (at >= 0) expect.fail(`${text} was accepted`);
    return;
  }
  if (at !== text.length) expect.fail(`${text} was refused: ${at}`);
  if (numberKind[0] !== (suffix === 'i' ? INTEGER : UNSIGNED)) expect.fail(`${text} has type ${numberKind[0]}`);
  const wide = value > 9007199254740992n || value < -9007199254740992n;
  if ((numberKind[1] === 1) !== wide) expect.fail(`${text} has wide = ${numberKind[1]}`);
  const read = !wide ? BigInt(out[0]) : suffix === 'i' ? wideNumber[0] : BigInt.asUintN(64, wideNumber[0]);
  if (read !== value || (!wide && Object.is(out[0], -0))) expect.fail(`${text} was read as ${read}`);
}

const DELIMITERS = [',', ' ', '', '\r'];

test('floats are rounded as Number() rounds them, bit for bit', () => {
  const random = newRandom('number-parser floats');
  const delimiter = (): string => DELIMITERS[random.below(4)];
  const digits = (n: number): string => {
    let text = '';
    for (let i = 0; i < n; i++) text += random.below(10);
    return text;
  };
  for (let i = 0; i < 30000; i++) {
    // Any bits, so all exponents and denormals, in shortest and in 17 digits.
    words[0] = random.below(4294967296);
    words[1] = random.below(4294967296);
    const any = want[0];
    if (Number.isFinite(any)) {
      checkFloat(String(any), delimiter());
      checkFloat(any.toExponential(16), delimiter());
    }
    // What measured values look like: widened floats, decimals of some places.
    checkFloat(String(Math.fround(random.unit() * 100)), delimiter());
    checkFloat((random.unit() * 10 ** random.below(12)).toFixed(random.below(10)), delimiter());
    checkFloat(String(random.unit()), delimiter());
    // Loose digits, points and exponents.
    const point = random.below(2) === 0 ? '' : `.${digits(random.below(20))}`;
    const exponent = random.below(3) > 0 ? '' : `e${['', '+', '-'][random.below(3)]}${random.below(330)}`;
    checkFloat(`${random.below(2) === 0 ? '-' : ''}${digits(1 + random.below(22))}${point}${exponent}`, delimiter());
  }
});

test('numbers halfway between two doubles go to the even one', () => {
  const random = newRandom('number-parser halfway');
  for (let i = 0; i < 20000; i++) {
    // An odd integer of 54 bits lies exactly between two doubles; its neighbours do not.
    const halfway = (1n << 53n) + 2n * BigInt(random.below(4294967296)) * BigInt(1 + random.below(1000000)) + 1n;
    const shift = BigInt(random.below(6));
    for (const near of [halfway << shift, (halfway << shift) + 1n, (halfway << shift) - 1n]) {
      checkFloat(`${near}.0`, ' ');
      checkFloat(`${near}.00000000000000000000000000000000001`, ' ');
      checkFloat(`${near}e0`, ' ');
    }
    // The same below one: an exact binary fraction with a last bit that no double has.
    const places = 1 + random.below(8);
    const scaled = (halfway % (1n << 50n)) * 5n ** BigInt(places);
    checkFloat(`0.${String(scaled).padStart(places, '0')}`, ' ');
  }
});

test('hard cases of decimal conversion', () => {
  for (const text of [
    '2.2250738585072011e-308', // looped forever in PHP
    '2.2250738585072014e-308',
    '4.9e-324',
    '2.4703282292062327e-324', // just below half of the least denormal: 0
    '2.4703282292062328e-324', // just above: the least denormal
    '1.7976931348623157e308',
    '1.7976931348623158e308',
    '9007199254740993',
    '9007199254740992.5',
    '6.631236846766476e-316', // a denormal at a midpoint
    '1448997445238699',
    '0.500000000000000166533453693773481063544750213623046875',
    '3.518437208883201171875e13',
    '62.5364939768271845828',
    '8.10109172351e-10',
    '1.50000000000000011102230246251565',
    '123456789012345678',
    '123456789012345678e22',
    '999999999999999999e-22',
    '100000000000000000e-17',
    '0.1000000000000000055511151231257827',
    '1e22',
    '1e23',
    '00000000000000000000000000000000000000001.5',
    '0.00000000000000000000000000000000000000015',
    `${'1'.repeat(800)}e-790`,
    `0.${'0'.repeat(800)}1e801`,
    `1.${'0'.repeat(800)}1`,
    `${'9'.repeat(309)}.0`,
    '1e-400',
    '0e999999999',
    '-0',
    '-0.0',
  ]) {
    checkFloat(text, ' ');
  }
});

test('integers are exact over i64 and u64, and refused beyond', () => {
  const random = newRandom('number-parser integers');
  const edges = [
    0n,
    1n << 31n,
    1n << 32n,
    1n << 53n,
    1n << 63n,
    1n << 64n,
    10n ** 9n,
    10n ** 15n,
    10n ** 18n,
    10n ** 19n,
  ];
  for (const edge of edges) {
    for (let d = -3n; d <= 3n; d++) {
      for (const value of [edge + d, -edge + d]) {
        checkInteger(value, 'i', '');
        if (value >= 0n) checkInteger(value, 'u', '000');
      }
    }
  }
  for (let i = 0; i < 50000; i++) {
    const magnitude = (BigInt(random.below(4294967296)) << 32n) | BigInt(random.below(4294967296));
    const value = magnitude >> BigInt(random.below(64));
    checkInteger(random.below(2) === 0 ? value : -value, 'i', random.below(4) === 0 ? '00' : '');
    checkInteger(value, 'u', '');
  }
  for (const text of ['99999999999999999999i', '184467440737095516160u', `${'9'.repeat(100)}i`]) {
    expect(scanNumber(Buffer.from(`${text} \n`), 0, out, 0)).toBeLessThan(0);
  }
});
