import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { open, type Varve } from '../open.ts';
import { findAgain } from './found-again.ts';
import type { LabelMatcher } from './promql/matcher.ts';

const directory = mkdtempSync(join(tmpdir(), 'varve-found-'));
let varve: Varve;

beforeAll(async () => {
  varve = await open({ dataDir: directory, maintenanceIntervalMs: 0 });
});

afterAll(async () => {
  await varve.close();
  rmSync(directory, { recursive: true, force: true });
});

const database = () => varve.engine.database('default')!;
const named = (name: string): LabelMatcher[] => [{ name: '__name__', op: '=', value: name }];
const shown = (matchers: LabelMatcher[]) => findAgain(database(), matchers).list.map(({ labels }) => labels.toString());

test('the same is found until series come, get fields, or go', async () => {
  await varve.write('m,host=b value=1 1\nm,host=a value=1 1\nn,host=c other=1 1');
  const matchers = named('m');
  expect(shown(matchers)).toEqual(['{__name__="m", host="a"}', '{__name__="m", host="b"}']);
  expect(findAgain(database(), matchers)).toBe(findAgain(database(), matchers));

  await varve.write('m,host=a value=2 2');
  expect(shown(matchers)).toHaveLength(2);
  await varve.write('m,host=0 value=1 3');
  expect(shown(matchers)).toEqual(['{__name__="m", host="0"}', '{__name__="m", host="a"}', '{__name__="m", host="b"}']);

  const field = named('n');
  expect(shown(field)).toEqual([]);
  await varve.write('n,host=c value=1 4');
  expect(shown(field)).toEqual(['{__name__="n", host="c"}']);

  const index = database().index;
  const host = (name: string) => Buffer.from(name);
  index.remove(Int32Array.of(index.findSeries(host('m'), [host('host')], [host('a')])));
  expect(shown(matchers)).toEqual(['{__name__="m", host="0"}', '{__name__="m", host="b"}']);
});

test('what is remembered is bounded', async () => {
  const lines: string[] = [];
  for (let i = 0; i < 1025; i++) lines.push(`many,i=${i} value=1 1`);
  for (let i = 0; i < 1000; i++) lines.push(`some,i=${i} value=1 1`);
  await varve.write(lines.join('\n'));
  const many = named('many');
  expect(findAgain(database(), many).count).toBe(1025);
  expect(findAgain(database(), many)).not.toBe(findAgain(database(), many));
  const kept = Array.from({ length: 5 }, () => named('some'));
  const found = kept.map((matchers) => findAgain(database(), matchers));
  expect(findAgain(database(), kept[4])).toBe(found[4]);
  expect(findAgain(database(), kept[0])).not.toBe(found[0]);
});
