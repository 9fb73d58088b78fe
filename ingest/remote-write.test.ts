import { describe, expect, test } from 'vitest';
import { Batch } from '../batch/batch.ts';
import { SeriesIndex } from '../index/series-index.ts';
import { DEFAULT_LIMITS, type Refusal } from './limits.ts';
import { parseLines } from './line-parser.ts';
import { newRandom } from './random.ts';
import { bits, type Decode, decode, show } from './remote-cases.ts';
import {
  concat,
  doubleField,
  type EncodedSeries,
  encodeRequest,
  encodeRequest2,
  integerField,
  labelField,
  message,
  sampleField,
  textField,
  varintOf,
} from './remote-encoder.ts';
import { remoteErrorText } from './remote-outcome.ts';
import { decodeRemoteWrite } from './remote-write.ts';
import { decodeRemoteWrite2 } from './remote-write-2.ts';

const STALE = 0x7ff0000000000002n;

const versions: [string, Decode, (series: EncodedSeries[]) => Uint8Array][] = [
  ['1.0', decodeRemoteWrite, encodeRequest],
  ['2.0', decodeRemoteWrite2, encodeRequest2],
];

describe.each(versions)('remote write %s', (_, how, encode) => {
  const up: [string, string][] = [
    ['__name__', 'up'],
    ['instance', 'a:9090'],
    ['job', 'x y'],
  ];

  test('samples become rows of the metric with the field value', () => {
    const { rows, outcome } = decode(
      encode([
        {
          labels: up,
          samples: [
            { value: 1, ms: 1700000000123 },
            { value: 0, ms: 1700000001123 },
          ],
        },
        {
          labels: [['__name__', 'up']],
          samples: [
            { value: -0, ms: -1 },
            { value: 2.5, ms: 0 },
          ],
        },
      ]),
      how,
    );
    expect(rows).toEqual([
      `up,instance=a:9090,job=x\\ y ${bits(1)} 1700000000123000000`,
      `up,instance=a:9090,job=x\\ y ${bits(0)} 1700000001123000000`,
      `up ${bits(-0)} -1000000`,
      `up ${bits(2.5)} 0`,
    ]);
    expect(outcome).toMatchObject({ samples: 4, series: 2, newSeries: 2, rejectedSeries: 0, rejectedSamples: 0 });
    expect(remoteErrorText(outcome)).toBe(null);
  });

  test('every bit of a NaN survives, stale markers above all', () => {
    const payloads = [
      STALE,
      0x7ff8000000000001n,
      0x7ff0000000000001n,
      0xfff8000000000000n,
      0x7fffffffffffffffn,
      0x7ffb000000000003n,
      0x7ff0000000000000n,
    ];
    const { rows } = decode(encode([{ labels: up, samples: payloads.map((value, i) => ({ value, ms: i })) }]), how);
    expect(rows.map((row) => row.split(' ')[2])).toEqual(payloads.map((value) => value.toString(16)));
  });

  test('timestamps over the whole range of i64 nanoseconds, refused beyond', () => {
    const ms = [9223372036854, -9223372036854, 9223372036855, -9223372036855, 1n << 62n, -(1n << 63n), 1, 999, -999];
    const { rows, outcome } = decode(
      encode([{ labels: up, samples: ms.map((time) => ({ value: 1, ms: time })) }]),
      how,
    );
    expect(rows.map((row) => row.split(' ')[3])).toEqual(
      [9223372036854n, -9223372036854n, 1n, 999n, -999n].map((time) => String(time * 1000000n)),
    );
    expect(outcome.rejectedSamples).toBe(4);
    expect(remoteErrorText(outcome)).toContain(
      'cannot store series up{instance="a:9090", job="x y"}: timestamp 9223372036855 ms is out of range',
    );
  });

  test('labels of all lengths around where a length takes one, two and three bytes', () => {
    const lengths = [1, 3, 4, 60, 118, 119, 120, 121, 122, 123, 124, 125, 127, 128, 129, 5000, 16383, 16384];
    const series = lengths.map(
      (n): EncodedSeries => ({
        labels: [
          ['__name__', 'm'],
          ['a', 'x'.repeat(n)],
          ['b', 'y'],
        ],
        samples: [{ value: n, ms: 1 }],
      }),
    );
    const { rows } = decode(encode(series), how);
    expect(rows).toEqual(lengths.map((n) => `m,a=${'x'.repeat(n)},b=y ${bits(n)} 1000000`));
  });

  test('labels with empty values are no labels; UTF-8 names are names', () => {
    const { rows, index } = decode(
      encode([
        {
          labels: [
            ['__name__', 'temp °C'],
            ['a', ''],
            ['stadt.ß', 'Köln'],
          ],
          samples: [{ value: 1, ms: 1 }],
        },
        {
          labels: [
            ['__name__', 'temp °C'],
            ['stadt.ß', 'Köln'],
          ],
          samples: [{ value: 1, ms: 2 }],
        },
      ]),
      how,
    );
    expect(rows.map((row) => row.slice(0, row.lastIndexOf('Köln') + 4))).toEqual([
      'temp\\ °C,stadt.ß=Köln',
      'temp\\ °C,stadt.ß=Köln',
    ]);
    expect(index.seriesCount).toBe(1);
  });

  test('a bad series is named and costs the good ones nothing', () => {
    const good: EncodedSeries = { labels: up, samples: [{ value: 1, ms: 1 }] };
    const bad: [[string, string][], string][] = [
      [[['job', 'x']], 'cannot store series {job="x"}: no label __name__'],
      [
        [
          ['__name__', ''],
          ['job', 'x'],
        ],
        'no label __name__',
      ],
      [[], 'no label'],
      [
        [
          ['', 'x'],
          ['__name__', 'm'],
        ],
        'empty label name',
      ],
      [
        [
          ['__name__', 'm'],
          ['b', '1'],
          ['a', '2'],
        ],
        'cannot store series m{b="1", a="2"}: labels are not sorted: "a" after "b"',
      ],
      [
        [
          ['__name__', 'm'],
          ['a', '1'],
          ['a', '2'],
        ],
        'cannot store series m{a="1", a="2"}: duplicate label name "a"',
      ],
      [
        [
          ['__name__', 'm'],
          ['a', 'x'.repeat(40)],
        ],
        'label value is too long: 40 bytes (limit max-tag-value-size = 30)',
      ],
      [
        [
          ['__name__', 'm'],
          ['x'.repeat(40), 'x'],
        ],
        'label name is too long: 40 bytes (limit max-name-size = 20)',
      ],
      [[['__name__', 'm'.repeat(25)]], 'metric name is too long: 25 bytes (limit max-name-size = 20)'],
      [
        [
          ['__name__', 'm'],
          ['a', '1'],
          ['b', '1'],
          ['c', '1'],
        ],
        'too many labels: 4 (limit max-tags = 3)',
      ],
      [[['__name__', '\nm']], 'the metric name begins with a line feed'],
    ];
    const limits = { ...DEFAULT_LIMITS, maxNameBytes: 20, maxTagValueBytes: 30, maxTags: 3 };
    for (const [labels, reason] of bad) {
      const request = encode([
        good,
        {
          labels,
          samples: [
            { value: 1, ms: 1 },
            { value: 2, ms: 2 },
          ],
          histograms: 1,
        },
        good,
      ]);
      const { rows, outcome, index } = decode(request, how, { limits });
      expect(rows.length, reason).toBe(2);
      expect(outcome).toMatchObject({ rejectedSeries: 1, rejectedSamples: 2, histograms: 1, samples: 2 });
      expect(remoteErrorText(outcome)).toContain(reason);
      expect(index.seriesCount).toBe(1);
    }
  });

  test('native histograms are refused and told of, samples beside them kept', () => {
    const { rows, outcome } = decode(encode([{ labels: up, samples: [{ value: 1, ms: 1 }], histograms: 3 }]), how);
    expect(rows.length).toBe(1);
    expect(outcome.histograms).toBe(3);
    expect(remoteErrorText(outcome)).toBe('native histograms are not supported: 3 samples dropped');
  });

  test('exemplars are handed over with their series', () => {
    const exemplars = [
      {
        labels: [
          ['trace_id', 'abc'],
          ['é', 'ü'],
        ] as [string, string][],
        value: 0.25,
        ms: 1700000000001,
      },
    ];
    const { outcome, batch } = decode(encode([{ labels: up, samples: [{ value: 1, ms: 1 }], exemplars }]), how);
    expect(outcome.exemplars).toEqual([
      {
        ref: batch.series[0],
        labels: [
          ['trace_id', 'abc'],
          ['é', 'ü'],
        ],
        value: 0.25,
        timestampMs: 1700000000001,
      },
    ]);
  });

  test('a metric whose field value has another type is refused, the others kept', () => {
    const index = new SeriesIndex();
    const line = Buffer.from('up value=1i 1\n');
    parseLines(line, 0, line.length, index, new Batch(), { nowSec: 0, nowNano: 0 });
    const { rows, outcome } = decode(
      encode([
        { labels: up, samples: [{ value: 1, ms: 1 }] },
        { labels: [['__name__', 'down']], samples: [{ value: 1, ms: 1 }] },
      ]),
      how,
      {},
      index,
    );
    expect(rows.length).toBe(1);
    expect(outcome.rejectedSamples).toBe(1);
    expect(remoteErrorText(outcome)).toContain(
      'field type conflict: input field "value" on measurement "up" is type float, already exists as type integer',
    );
  });

  test('line protocol and remote write of one series meet in it, and do not disturb each other’s guesses', () => {
    const index = new SeriesIndex();
    const line = Buffer.from('up,instance=a:9090,job=x\\ y other=1,value=2 1\n');
    const request = encode([{ labels: up, samples: [{ value: 3, ms: 1 }] }]);
    for (let i = 0; i < 3; i++) {
      const batch = new Batch();
      parseLines(line, 0, line.length, index, batch, { nowSec: 0, nowNano: 0 });
      how(request, index, batch, {});
      expect([batch.rows, batch.valueCount]).toEqual([2, 3]);
      expect(batch.series[0]).toBe(batch.series[1]);
      expect(Array.from(batch.values.subarray(0, 3))).toEqual([1, 2, 3]);
    }
    expect(index.seriesCount).toBe(1);
  });

  test('new series are admitted or not by the caller', () => {
    const index = new SeriesIndex();
    const text = 'max-series-per-database limit exceeded: (2)';
    const door = {
      needsParts: false,
      admit: (): Refusal | null => (index.seriesCount < 2 ? null : { limit: 'maxSeries', text }),
      admitNames: () => null,
      hasRoom: () => true,
    };
    const series = ['a', 'b', 'c', 'd'].map(
      (name): EncodedSeries => ({ labels: [['__name__', name]], samples: [{ value: 1, ms: 1 }] }),
    );
    const { outcome, rows } = decode(encode(series), how, { door }, index);
    expect(rows.length).toBe(2);
    expect(remoteErrorText(outcome)).toContain(`cannot store series c{}: ${text}`);
    expect([...outcome.refusals]).toEqual([['maxSeries', { count: 2, text }]]);
  });

  test('a series removed from the index is defined anew', () => {
    const index = new SeriesIndex();
    const request = encode([{ labels: up, samples: [{ value: 1, ms: 1 }] }]);
    decode(request, how, {}, index);
    index.remove(Int32Array.of(0));
    expect(how(request, index, new Batch(), {}).newSeries).toBe(1);
    expect(index.seriesCount).toBe(1);
  });

  test('known series in another order, with some missing and some new, are told apart', () => {
    const random = newRandom('remote-write order');
    const index = new SeriesIndex();
    const name = (i: number): string => `metric_${i % 7}`;
    const labels = (i: number): [string, string][] => [
      ['__name__', name(i)],
      ['id', String(i)],
      ['z', 'x'.repeat(i % 5)],
    ];
    for (let round = 0; round < 60; round++) {
      const ids = Array.from({ length: 80 }, (_, i) => i).filter(() => random.below(5) > 0);
      if (round % 3 === 0) ids.sort(() => random.unit() - 0.5);
      const batch = new Batch();
      how(encode(ids.map((i) => ({ labels: labels(i), samples: [{ value: i, ms: round }] }))), index, batch, {});
      expect(show(batch, index)).toEqual(
        ids.map(
          (i) => `${name(i)},id=${i}${i % 5 === 0 ? '' : `,z=${'x'.repeat(i % 5)}`} ${bits(i)} ${round * 1000000}`,
        ),
      );
    }
  });

  test('cut anywhere, or with bytes changed, a request is decoded or refused as a whole, never worse', () => {
    const random = newRandom('remote-write damage');
    const request = encode([
      {
        labels: up,
        samples: [
          { value: 1, ms: 1700000000000 },
          { value: 0, ms: 5, startMs: 3 },
        ],
        exemplars: [{ labels: [['a', 'b']], value: 1, ms: 1 }],
      },
      {
        labels: [['__name__', 'm']],
        samples: [{ value: STALE, ms: -5 }],
        histograms: 1,
        metadata: { type: 1, help: 'h', unit: 'u' },
      },
    ]);
    const index = new SeriesIndex();
    for (let i = 0; i < 3000; i++) {
      const bytes = i <= request.length ? request.slice(0, i) : request.slice();
      if (i > request.length)
        for (let n = 1 + random.below(3); n > 0; n--) bytes[random.below(bytes.length)] = random.below(256);
      const batch = new Batch();
      try {
        const outcome = how(bytes, index, batch, {});
        expect(outcome.samples).toBe(batch.rows);
      } catch (error) {
        expect((error as Error).message).toMatch(/^cannot decode protobuf: /);
        expect([batch.rows, batch.valueCount]).toEqual([0, 0]);
      }
    }
  });
});

describe('remote write 1.0 alone', () => {
  test('fields may come in any order, unknown ones are skipped', () => {
    const unknown = concat([
      integerField(20, 5),
      message(21, Uint8Array.of(1, 2)),
      doubleField(22, 1),
      varintOf(23n * 8n + 5n),
      new Uint8Array(4),
    ]);
    const sample = sampleField({ value: 7, ms: 5 });
    const reversed = message(2, integerField(2, 6), unknown, doubleField(1, 8));
    const name = labelField('__name__', 'm');
    const reversedLabel = message(1, textField(2, 'x'), unknown, textField(1, 'a'));
    const want = [`m,a=x ${bits(7)} 5000000`, `m,a=x ${bits(8)} 6000000`];
    for (const series of [
      [name, reversedLabel, sample, reversed],
      [sample, reversed, name, reversedLabel],
      [name, sample, reversedLabel, reversed],
      [unknown, name, unknown, reversedLabel, sample, unknown, reversed],
    ]) {
      const { rows, index } = decode(concat([unknown, message(1, ...series), unknown]));
      expect(rows).toEqual(want);
      expect(index.seriesCount).toBe(1);
    }
  });

  test('labels behind the samples belong to the series although the first ones alone are another', () => {
    const index = new SeriesIndex();
    decode(
      encodeRequest([{ labels: [['__name__', 'm']], samples: [{ value: 1, ms: 1 }] }]),
      decodeRemoteWrite,
      {},
      index,
    );
    const split = message(1, labelField('__name__', 'm'), sampleField({ value: 2, ms: 2 }), labelField('a', 'x'));
    expect(decode(split, decodeRemoteWrite, {}, index).rows).toEqual([`m,a=x ${bits(2)} 2000000`]);
  });

  test('metadata is handed over', () => {
    const metadata = message(
      3,
      integerField(1, 1),
      textField(2, 'http_requests_total'),
      textField(4, 'Requests.'),
      textField(5, 's'),
    );
    const { outcome } = decode(encodeRequest([], [metadata, message(3, textField(2, 'x'), integerField(1, 99))]));
    expect(outcome.metadata).toEqual([
      { metric: 'http_requests_total', type: 'counter', help: 'Requests.', unit: 's' },
      { metric: 'x', type: 'unknown', help: '', unit: '' },
    ]);
  });

  test('names that are not UTF-8 are refused', () => {
    const bad = message(
      1,
      message(1, textField(1, '__name__'), concat([Uint8Array.of(0x12, 1, 0xff)])),
      sampleField({ value: 1, ms: 1 }),
    );
    expect(remoteErrorText(decode(bad).outcome)).toContain('the value of label "__name__" is not valid UTF-8');
  });
});
