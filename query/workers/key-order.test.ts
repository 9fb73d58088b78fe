/** The order of keys against that of the labels that they stand for. */
import { describe, expect, test } from 'vitest';
import { SeriesIndex } from '../../index/series-index.ts';
import { keyLabels } from './key-labels.ts';
import { orderOfKeys, orderOfLabels } from './key-order.ts';

const encoder = new TextEncoder();
const bytesOf = (texts: readonly string[]) => texts.map((text) => encoder.encode(text));

/** Both orders of series with these tags, as places. */
function ordersOf(series: readonly Readonly<Record<string, string>>[]) {
  const index = new SeriesIndex();
  const refs = Int32Array.from(series, (tags) =>
    index.define(encoder.encode('card'), bytesOf(Object.keys(tags)), bytesOf(Object.values(tags))),
  );
  const keys = index.snapshotForWorker();
  const labelsOf = keyLabels(keys, false);
  const byKeys = orderOfKeys(keys, refs);
  const byLabels = orderOfLabels(refs.length, (place) => labelsOf(refs[place], 'card'));
  return { byKeys: byKeys && [...byKeys], byLabels: [...byLabels] };
}

describe('series in the order of their labels, by their keys', () => {
  test('random values of one to four tags', () => {
    const seed = Number(process.env.VARVE_SEED ?? Date.now() % 2 ** 31);
    console.log(`seed ${seed}`);
    let state = seed;
    const random = (below: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    // Bytes before and behind the comma, and values that others begin with.
    const letters = '!+-.09:;AZaz~';
    const value = () => Array.from({ length: 1 + random(9) }, () => letters[random(letters.length)]).join('');
    for (let round = 0; round < 60; round++) {
      const names = ['a', 'host', 'region', 'zone'].slice(0, 1 + random(4));
      const few = Array.from({ length: 3 }, value);
      const series = new Map<string, Record<string, string>>();
      for (let i = 1 + random(400); i > 0; i--) {
        const tags = Object.fromEntries(names.map((name) => [name, random(2) ? few[random(3)] : `same-${value()}`]));
        series.set(JSON.stringify(tags), tags);
      }
      const { byKeys, byLabels } = ordersOf([...series.values()]);
      expect(byKeys).toEqual(byLabels);
    }
  });

  test('long values that differ at their ends', () => {
    const series = Array.from({ length: 50 }, (_, i) => ({ path: `${'x'.repeat(3000)}${(i * 7) % 50}` }));
    const { byKeys, byLabels } = ordersOf(series);
    expect(byKeys).toEqual(byLabels);
  });

  test.each([
    ['other tag keys', [{ a: '1' }, { b: '1' }]],
    ['a tag more', [{ a: '1' }, { a: '1', b: '1' }]],
    ['a tag less', [{ a: '1', b: '1' }, { a: '1' }]],
    ['escapes', [{ a: 'x,y' }, { a: 'x y' }]],
    ['characters whose bytes are in another order', [{ a: '\u{1f600}' }, { a: '\uffee' }]],
    ['a tag that is no label', [{ __name__: 'b' }, { __name__: 'a' }]],
  ])('left to the labels: %s', (_, series) => {
    expect(ordersOf(series as Record<string, string>[]).byKeys).toBeNull();
  });
});
