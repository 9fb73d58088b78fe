/** Kernels where no influxd here can be asked: unsigned and wide integers, merged parts, sample(), indicators by TA-Lib. */
import { describe, expect, it } from 'vitest';
import type { CallNode, Expression } from '../ast.ts';
import { callOptions } from './arguments.ts';
import { columnWriter, compareTexts } from './column.ts';
import type { FieldKind, Points, ValueColumn, Windows } from './kernel.ts';
import { MATH_KERNELS } from './math.ts';
import { patternSort } from './pattern-sort.ts';
import { checkInputKind, FUNCTIONS, type RowsEntry, type StreamEntry, type WindowEntry } from './table.ts';

type Value = number | bigint | string;

function columnOf(kind: FieldKind, values: readonly Value[]): ValueColumn {
  const out = columnWriter(kind, values.length, false);
  values.forEach((value, i) => {
    if (typeof value === 'string') out.setText(i, value);
    else if (typeof value === 'bigint') out.setBigint(i, value);
    else out.set(i, value);
  });
  return out.finish(values.length);
}

/** Points a second apart. */
function pointsOf(kind: FieldKind, values: readonly Value[], weights: readonly number[] | null = null): Points {
  return {
    length: values.length,
    values: columnOf(kind, values),
    sec: Float64Array.from(values, (_, i) => i),
    nano: new Float64Array(values.length),
    weights: weights === null ? null : Float64Array.from(weights),
  };
}

function oneWindow(length: number): Windows {
  return { count: 1, lo: Int32Array.of(0), hi: Int32Array.of(length), bounds: null };
}

function listOf(column: ValueColumn): (Value | null)[] {
  if (column.kind === 'string') return [...column.values];
  return Array.from(column.values, (value, i) => {
    if (column.present !== null && column.present[i] === 0) return null;
    if (column.wide === null) return value;
    return column.kind === 'unsigned' ? BigInt.asUintN(64, column.wide[i]!) : column.wide[i]!;
  });
}

function callOf(name: string, ...rest: readonly (number | string)[]): CallNode {
  const literals = rest.map(
    (value): Expression =>
      typeof value === 'string' ? { kind: 'string', value } : { kind: 'integer', value: BigInt(value) },
  );
  return { kind: 'call', name, arguments: [{ kind: 'variable', name: 'f', cast: null }, ...literals] };
}

const surroundings = { ascending: true, intervalNs: 0 };

function run(call: CallNode, points: Points): (Value | null)[] {
  const entry = FUNCTIONS.get(call.name)!;
  const windows = oneWindow(points.length);
  const options = callOptions(call, surroundings);
  return listOf((entry as WindowEntry | RowsEntry | StreamEntry).kernel(points, windows, options).values);
}

const LARGEST = 2n ** 63n - 1n;
const LARGEST_UNSIGNED = 2n ** 64n - 1n;

describe('integers of 64 bits', () => {
  it.each<[string, FieldKind, Value[], Value[]]>([
    ['sum', 'integer', [LARGEST, 1n], [-(2n ** 63n)]],
    ['sum', 'unsigned', [LARGEST_UNSIGNED, 3n], [2]],
    // The sum leaves the exact doubles and comes back.
    ['sum', 'integer', [2 ** 53 - 1, 2 ** 53 - 1, -(2 ** 53 - 1), 5], [2n ** 53n + 4n]],
    ['mean', 'unsigned', [LARGEST_UNSIGNED, 3n], [1]],
    ['spread', 'unsigned', [LARGEST_UNSIGNED, 3n], [LARGEST_UNSIGNED - 3n]],
    ['spread', 'integer', [LARGEST, -5n], [-(2n ** 63n) + 4n]],
    ['max', 'unsigned', [LARGEST_UNSIGNED, 3n], [LARGEST_UNSIGNED]],
    ['min', 'unsigned', [LARGEST_UNSIGNED, LARGEST_UNSIGNED - 1n], [LARGEST_UNSIGNED - 1n]],
    ['last', 'integer', [LARGEST, LARGEST - 1n], [LARGEST - 1n]],
    ['median', 'unsigned', [LARGEST_UNSIGNED, 3n, LARGEST_UNSIGNED], [2 ** 64]],
    ['mode', 'integer', [LARGEST, LARGEST - 1n, LARGEST - 1n], [LARGEST - 1n]],
    ['distinct', 'integer', [LARGEST, LARGEST - 1n, LARGEST], [LARGEST, LARGEST - 1n]],
    ['difference', 'unsigned', [5, 3], [LARGEST_UNSIGNED - 1n]],
    ['difference', 'unsigned', [3, LARGEST_UNSIGNED], [LARGEST_UNSIGNED - 3n]],
    ['non_negative_difference', 'unsigned', [5, 3, 4], [1]],
    ['derivative', 'unsigned', [5, 3], [-2]],
    ['non_negative_derivative', 'unsigned', [5, 3, 4], [1]],
    ['cumulative_sum', 'integer', [LARGEST, 1n, 1n], [LARGEST, -(2n ** 63n), -(2n ** 63n) + 1n]],
    ['cumulative_sum', 'unsigned', [LARGEST_UNSIGNED, 2n], [LARGEST_UNSIGNED, 1n]],
  ])('%s of %s', (name, kind, values, want) => {
    expect(run(callOf(name), pointsOf(kind, values))).toEqual(want);
  });

  it('moving_average() wraps its sum', () => {
    expect(run(callOf('moving_average', 2), pointsOf('integer', [LARGEST, 1n, 3n]))).toEqual([-(2 ** 62), 2]);
  });

  it('abs() of the least integer stays, as in Go', () => {
    const column = columnOf('integer', [-(2n ** 63n), -5n]);
    expect(listOf(MATH_KERNELS.get('abs')!([column], 2))).toEqual([-(2n ** 63n), 5n]);
  });
});

describe('results of parts', () => {
  it('mean() weighs means by their counts', () => {
    expect(run(callOf('mean'), pointsOf('float', [1, 4], [3, 1]))).toEqual([1.75]);
  });

  it('counts are the weights for merging', () => {
    const { kernel } = FUNCTIONS.get('mean') as WindowEntry;
    const result = kernel(pointsOf('float', [1, 4], [3, 1]), oneWindow(2), callOptions(callOf('mean'), surroundings));
    expect([...result.counts]).toEqual([4]);
  });

  it('empty windows have no value', () => {
    const { kernel } = FUNCTIONS.get('sum') as WindowEntry;
    const windows = { count: 3, lo: Int32Array.of(0, 1, 1), hi: Int32Array.of(1, 1, 2), bounds: null };
    const result = kernel(pointsOf('integer', [1, 4]), windows, callOptions(callOf('sum'), surroundings));
    expect(listOf(result.values)).toEqual([1, null, 4]);
  });
});

describe('sample()', () => {
  const values = Array.from({ length: 50 }, (_, i) => i);

  it('draws N points once each, in the order of time', () => {
    const drawn = run(callOf('sample', 8), pointsOf('integer', values)) as number[];
    expect(drawn.length).toBe(8);
    expect(new Set(drawn).size).toBe(8);
    expect(drawn).toEqual(drawn.toSorted((a, b) => a - b));
  });

  it('draws every point as often as others', () => {
    const times = new Array<number>(50).fill(0);
    for (let i = 0; i < 2000; i++) {
      for (const value of run(callOf('sample', 10), pointsOf('integer', values)) as number[]) times[value]!++;
    }
    // 400 is expected, with a standard deviation of 18.
    expect(Math.min(...times)).toBeGreaterThan(280);
    expect(Math.max(...times)).toBeLessThan(520);
  });

  it('takes all when there are fewer', () => {
    expect(run(callOf('sample', 8), pointsOf('string', ['b', 'a']))).toEqual(['b', 'a']);
  });
});

describe('indicators, as TA-Lib computes them', () => {
  const rampUpAndDown = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1,
  ];

  it.each<[string, number, number[]]>([
    ['exponential_moving_average', 10, [5.5, 6.5, 7.5, 8.5, 9.5, 10.5, 11.136363636363637, 11.475206611570249]],
    ['double_exponential_moving_average', 10, [13.568840926166246, 12.701748119313985, 11.701405062848783]],
    ['triple_exponential_moving_average', 4, [10, 11, 12, 13, 14, 15, 14.431999999999995, 13.345600000000001]],
    ['relative_strength_index', 10, [100, 100, 100, 100, 100, 90, 81, 72.89999999999999, 65.61]],
    ['triple_exponential_derivative', 4, [18.181818181818187, 15.384615384615374, 13.33333333333333]],
    ['chande_momentum_oscillator', 10, [100, 100, 100, 100, 100, 80, 61.999999999999986, 45.79999999999999, 31.22]],
  ])('%s(%d)', (name, period, want) => {
    const rows = run(callOf(name, period, -1, 'simple'), pointsOf('float', rampUpAndDown)) as number[];
    want.forEach((value, i) => {
      expect(rows[i]).toBeCloseTo(value, 9);
    });
  });

  it('the plain oscillator counts rises and falls alike', () => {
    const rows = run(callOf('chande_momentum_oscillator', 10, 10), pointsOf('integer', rampUpAndDown));
    expect(rows).toEqual([
      100, 100, 100, 100, 100, 80, 60, 40, 20, 0, -20, -40, -60, -80, -100, -100, -100, -100, -100,
    ]);
  });
});

describe('order', () => {
  it('texts are ordered by code points, not by halves of pairs', () => {
    const texts = ['\u{1f600}', '\uff21', 'z', 'a', ''];
    expect(texts.sort(compareTexts)).toEqual(['', 'a', 'z', '\uff21', '\u{1f600}']);
  });

  it('the sort sorts, whatever the pattern', () => {
    const patterns: ((i: number, n: number) => number)[] = [
      (i) => i,
      (i, n) => n - i,
      (i) => i % 7,
      (i) => (i * 7919) % 1009,
      () => 1,
      (i, n) => (i < n / 2 ? i : n - i),
    ];
    for (const pattern of patterns) {
      for (const length of [0, 1, 12, 13, 50, 1000]) {
        const keys = Float64Array.from({ length }, (_, i) => pattern(i, length));
        const order = Int32Array.from({ length }, (_, i) => i);
        patternSort(order, keys, 0, length);
        expect([...order].map((i) => keys[i]!)).toEqual([...keys].sort((a, b) => a - b));
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i));
      }
    }
  });
});

it('types that a function does not take are refused with the input by its name', () => {
  const check = (name: string, kind: FieldKind, input: string | null) => () =>
    checkInputKind(FUNCTIONS.get(name)!, kind, input);
  expect(check('mean', 'string', null)).toThrow('unsupported mean iterator type: *query.stringInterruptIterator');
  expect(check('difference', 'string', 'distinct')).toThrow('*query.stringIntervalIterator');
  expect(check('difference', 'boolean', 'sample')).toThrow('*query.booleanReduceBooleanIterator');
  expect(check('holt_winters', 'unsigned', 'sum')).toThrow('unsupported elapsed iterator type: *query.unsigned');
});

describe('holt_winters()', () => {
  it('rests between its steps, of which each is short, and answers the same in one go', () => {
    const call = callOf('holt_winters', 5, 4);
    const points = pointsOf(
      'float',
      Array.from({ length: 40 }, (_, i) => 10 + (i % 4)),
    );
    const entry = FUNCTIONS.get('holt_winters') as StreamEntry;
    const options = callOptions(call, { ascending: true, intervalNs: 1e9 });
    const steps = entry.steps!(points, options);
    let rests = 0;
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) rests++;
    expect(rests).toBeGreaterThan(16 * 10);
    expect(step.value).toEqual(entry.kernel(points, null, options));
    expect(step.value.length).toBe(5);
  });
});
