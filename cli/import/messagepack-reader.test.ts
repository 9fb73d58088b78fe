import { expect, test } from 'vitest';
import { documents, type MessagePackReader } from './messagepack-reader.ts';

async function* pieces(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** A pair of a text and a number. */
function pair(reader: MessagePackReader): [string, number | bigint] {
  reader.arrayHeader();
  return [reader.text(), reader.integer()];
}

const TWO = Buffer.from(
  '92a16103' + '92a3c3a978cfffffffffffffffff' + '92a162d3' + '8000000000000000' + '92a0e0',
  'hex',
);
const WANT = [
  ['a', 3],
  ['éx', 18446744073709551615n],
  ['b', -9223372036854775808n],
  ['', -32],
];

test('documents are read however they arrive', async () => {
  for (let size = 1; size <= TWO.length; size++) {
    expect(await all(documents(pieces(TWO, size), pair))).toEqual(WANT);
  }
});

test('one that is cut off is an error, not the end', async () => {
  for (let length = 1; length < 4; length++) {
    await expect(all(documents(pieces(TWO.subarray(0, length), 2), pair))).rejects.toThrow('breaks off');
  }
});

test('what stands where something else should is an error', async () => {
  await expect(all(documents(pieces(Buffer.from('92c0', 'hex'), 9), pair))).rejects.toThrow('a text should');
});
