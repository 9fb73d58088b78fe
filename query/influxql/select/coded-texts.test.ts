/** Columns of coded texts that are split and joined again. */
import { expect, test } from 'vitest';
import { CodedTexts, concatCodes, gatherCodes, newCodesMemo } from './coded-texts.ts';

test('parts of one column share its list of texts, however often they are split and joined', () => {
  const texts = ['a', 'b', 'c', null];
  let column = new CodedTexts(texts, Int32Array.of(0, 1, 2, 3, 0, 1));
  for (let round = 0; round < 20; round++) {
    const parts = [Int32Array.of(0, 2, 4), Int32Array.of(1, 3, 5)].map(
      (places) => gatherCodes(column.coded, places, newCodesMemo())!.coded,
    );
    column = concatCodes(parts, [3, 3], newCodesMemo());
    expect(column.coded.texts).toHaveLength(texts.length);
    expect([...column.values].sort()).toEqual(['a', 'a', 'b', 'b', 'c', null].sort());
  }
});

test('what was made for one column is not used for another whose lists are shared otherwise', () => {
  const memo = newCodesMemo();
  const codes = [Int32Array.of(0, 1), Int32Array.of(0, 1)];
  const shared = ['a', 'b'];
  const one = concatCodes(
    [
      { texts: shared, codes: codes[0] },
      { texts: shared, codes: codes[1] },
    ],
    [2, 2],
    memo,
  );
  const two = concatCodes(
    [
      { texts: ['c', 'd'], codes: codes[0] },
      { texts: ['e', 'f'], codes: codes[1] },
    ],
    [2, 2],
    memo,
  );
  const three = concatCodes(
    [
      { texts: ['g', 'h'], codes: codes[0] },
      { texts: ['i', 'j'], codes: codes[1] },
    ],
    [2, 2],
    memo,
  );
  expect(one.values).toEqual(['a', 'b', 'a', 'b']);
  expect(two.values).toEqual(['c', 'd', 'e', 'f']);
  expect(three.values).toEqual(['g', 'h', 'i', 'j']);
  expect(three.coded.codes, 'columns of one shape have their codes in common').toBe(two.coded.codes);
});
