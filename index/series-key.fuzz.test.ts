import { expect, test } from 'vitest';
import { Random } from '../bytes/random.ts';
import { compareBytes, KeyParts, KeyWriter, parseCanonicalKey } from './series-key.ts';

const seed = Number(process.env.VARVE_SEED ?? Math.floor(Math.random() * 2 ** 31));

test(`keys of random bytes come back as they were and never collide (VARVE_SEED=${seed})`, () => {
  const random = new Random(seed);
  const alphabet = [92, 92, 10, 44, 32, 61, 34, 97, 98, 255];
  const name = (least: number) =>
    Uint8Array.from({ length: least + random.below(5) }, () => alphabet[random.below(alphabet.length)]);
  const writer = new KeyWriter();
  const parts = new KeyParts();
  const seen = new Map<string, string>();
  for (let n = 0; n < 10_000; n++) {
    const measurement = name(0);
    const tags = new Map<string, [Uint8Array, Uint8Array]>();
    for (let t = random.below(3); t > 0; t--) {
      const key = name(1);
      tags.set(key.join(), [key, name(1)]);
    }
    const pairs = [...tags.values()];
    writer.write(
      measurement,
      pairs.map((p) => p[0]),
      pairs.map((p) => p[1]),
    );
    const key = writer.bytes.slice(0, writer.length);
    pairs.sort((a, b) => compareBytes(a[0], 0, a[0].length, b[0], 0, b[0].length));
    const want = [measurement, ...pairs.flat()].map((part) => part.join());
    if (!parseCanonicalKey(key, 0, key.length, parts)) expect.fail(`not canonical: ${want.join(' | ')}`);
    const got = Array.from({ length: parts.count }, (_, i) => parts.slice(i).join());
    if (got.join('|') !== want.join('|')) expect(got).toEqual(want);
    const before = seen.get(key.join());
    if (before !== undefined) expect(before).toBe(want.join(' | '));
    seen.set(key.join(), want.join(' | '));
  }
});

test(`any bytes that pass as a canonical key are one (VARVE_SEED=${seed})`, () => {
  const random = new Random(seed);
  const alphabet = [92, 10, 44, 44, 32, 61, 61, 34, 97, 98];
  const writer = new KeyWriter();
  const parts = new KeyParts();
  let passed = 0;
  for (let n = 0; n < 50_000; n++) {
    const key = Uint8Array.from({ length: random.below(12) }, () => alphabet[random.below(alphabet.length)]);
    if (!parseCanonicalKey(key, 0, key.length, parts)) continue;
    passed++;
    const all = Array.from({ length: parts.count }, (_, i) => parts.slice(i));
    writer.write(
      all[0],
      all.filter((_, i) => i % 2 === 1),
      all.filter((_, i) => i > 0 && i % 2 === 0),
    );
    if (writer.bytes.subarray(0, writer.length).join() !== key.join()) expect.fail(`${key} became another key`);
  }
  expect(passed).toBeGreaterThan(500);
});
