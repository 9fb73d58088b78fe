/**
 * A series with thousands of fields of which a row has one: what it takes must grow with its values, not with rows times
 * fields, in the index, in files and in merges of files.
 */
import { expect, it } from 'vitest';
import { Batch } from '../batch/batch.ts';
import { FLOAT } from '../batch/field-type.ts';
import { ManualClock } from '../clock/clock.ts';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import { hashBytes } from '../index/series-index.ts';
import type { Database } from './database.ts';
import { openEngine } from './engine.ts';
import { MAX_INSTANT, MIN_INSTANT } from './time.ts';

const FIELDS = 3000;
const KEY = 'bus,site=a';
const MOST_CELLS = 1 << 20;

const encoder = new TextEncoder();

const open = (fs: MemoryFileSystem) =>
  openEngine({
    dataDir: '/data',
    fs,
    clock: new ManualClock(86_400_000 * 20),
    inline: true,
    flushIntervalMs: 0,
    maintenanceIntervalMs: 0,
    reserveBytes: 0,
  });

/** A row for each field, in rounds: value `round * FIELDS + field` at as many seconds, from a day's start. */
function roundOfRows({ index }: Database, round: number): Batch {
  const batch = new Batch();
  const key = encoder.encode(KEY);
  const hash = hashBytes(key, 0, key.length);
  const known = index.find(key, 0, key.length, hash);
  const ref = known >= 0 ? known : index.defineCanonical(key, 0, key.length, hash);
  for (let field = 0; field < FIELDS; field++) {
    const name = encoder.encode(`f${field}`);
    const shape = index.singleFieldShape(index.measurementOf(ref), name, 0, name.length, FLOAT);
    if (index.lastShape[ref] !== shape.id) index.noteShape(ref, shape.id);
    const value = round * FIELDS + field;
    batch.reserve(1);
    batch.values[batch.valueCount] = value;
    batch.valueStart[batch.rows] = batch.valueCount++;
    batch.series[batch.rows] = ref;
    batch.shape[batch.rows] = shape.id;
    batch.sec[batch.rows] = 86_400 * 19 + value;
    batch.nano[batch.rows] = 0;
    batch.rows++;
  }
  return batch;
}

/** The values of some fields, as they are read one by one. */
function read(database: Database): Map<string, number[]> {
  const [ref] = database.index.select('bus', [{ key: 'site', op: '=', value: 'a' }]);
  const found = new Map<string, number[]>();
  for (const name of ['f0', 'f1499', `f${FIELDS - 1}`]) {
    const values: number[] = [];
    for (const { slice } of database.reader(MIN_INSTANT, MAX_INSTANT).read(ref, [name])) {
      values.push(...slice.columns[0].values.subarray(0, slice.rows));
    }
    found.set(name, values);
  }
  return found;
}

/** Cells of each row group of the database's files. */
function cellsOfGroups(database: Database): number[] {
  return [...database.manifest.files.keys()].flatMap((name) => {
    const { reader } = database.files.get(name);
    const { rows, fieldList, count } = reader.groups;
    return Array.from({ length: count }, (_, g) => rows[g] * reader.lists[fieldList[g]].length);
  });
}

/** All values, read in parts that are not too sparse. */
function readAll(database: Database): number[] {
  const [ref] = database.index.select('bus', []);
  const reader = database.reader(MIN_INSTANT, MAX_INSTANT);
  const values: number[] = [];
  reader.partitionStartsSec.forEach((_, place) => {
    for (const { rows, columns } of reader.readParts(place, ref, null)) {
      expect(rows * columns.length).toBeLessThanOrEqual(MOST_CELLS);
      for (const column of columns) values.push(...column.values.filter((_value, i) => column.present?.[i] !== 0));
    }
  });
  return values.sort((a, b) => a - b);
}

it('takes no room for the values that rows do not have', async () => {
  const fs = new MemoryFileSystem(1);
  let engine = await open(fs);
  let database = engine.createDatabase('default');
  const expected = (rounds: number) =>
    new Map(
      [0, 1499, FIELDS - 1].map((field) => [
        `f${field}`,
        Array.from({ length: rounds }, (_, round) => round * FIELDS + field),
      ]),
    );

  for (let round = 0; round < 4; round++) {
    await engine.durable(engine.commit(database, roundOfRows(database, round)));
    expect(read(database), 'from memory').toEqual(expected(round + 1));
    expect(readAll(database), 'from memory').toEqual(Array.from({ length: (round + 1) * FIELDS }, (_, i) => i));
    await engine.flush();
    expect(read(database), 'from files').toEqual(expected(round + 1));
  }
  expect(database.manifest.files.size).toBe(4);
  expect(Math.max(...cellsOfGroups(database))).toBeLessThanOrEqual(MOST_CELLS);
  // A set of fields for each field that the series got would be 4,500,000 ids alone.
  expect(database.index.memoryBytes).toBeLessThan(10_000_000);

  await engine.close();
  engine = await open(fs);
  database = engine.database('default')!;
  expect(database.index.memoryBytes).toBeLessThan(10_000_000);
  const [ref] = database.index.select('bus', []);
  expect(database.index.fieldsOf(ref)).toHaveLength(FIELDS);
  await engine.maintenance.run();
  expect(database.manifest.files.size, 'files after the merge').toBe(1);
  expect(Math.max(...cellsOfGroups(database))).toBeLessThanOrEqual(MOST_CELLS);
  expect(read(database), 'from the merged file').toEqual(expected(4));
  expect(readAll(database), 'from the merged file').toEqual(Array.from({ length: 4 * FIELDS }, (_, i) => i));
  await engine.close();
});
