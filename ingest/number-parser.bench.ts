/**
 * Nanoseconds per number, by kind of number, and what `Number()` of the text takes.
 *
 *     node ingest/number-parser.bench.ts
 */
import { scanNumber } from './number-parser.ts';
import { cpuMs, newRandom } from './random.ts';

const COUNT = 200000;
const ROUNDS = 20;
const random = newRandom('number-parser.bench', 1);

function measure(what: string, make: () => string): void {
  const texts = Array.from({ length: COUNT }, make);
  const bytes = new Uint8Array(Buffer.from(`${texts.join(',')} \n`));
  const out = new Float64Array(1);
  let total = 0;
  let totalNative = 0;
  for (let round = -2; round < ROUNDS; round++) {
    if (round === 0) {
      total = 0;
      totalNative = 0;
    }
    const start = cpuMs();
    let p = 0;
    for (let i = 0; i < COUNT; i++) p = scanNumber(bytes, p, out, 0) + 1;
    total += cpuMs() - start;
    const startNative = cpuMs();
    let sum = 0;
    for (let i = 0; i < COUNT; i++) sum += Number(texts[i]);
    totalNative += cpuMs() - startNative;
    if (p !== bytes.length - 1 || sum === 1) throw new Error(`BUG: ${what} was not read whole`);
  }
  const perNumber = ((total * 1e6) / COUNT / ROUNDS).toFixed(1);
  console.log(
    `${what.padEnd(34)} ${perNumber.padStart(6)} ns   Number() ${((totalNative * 1e6) / COUNT / ROUNDS).toFixed(1)} ns`,
  );
}

measure('integers 0–100', () => `${random.below(101)}i`);
measure('integers of 13 digits', () => `${1700000000000 + random.below(1000000000)}i`);
measure('integers of 19 digits (wide)', () => `17672256${String(random.below(1000000000)).padStart(11, '0')}i`);
measure('decimals of 2 places', () => (random.unit() * 100).toFixed(2));
measure('widened floats, 15–17 digits', () => String(Math.fround(random.unit() * 100)));
measure('doubles, 16–17 digits', () => String(random.unit() * 1000));
measure('doubles with exponents', () => (random.unit() * 1e-7).toExponential());
