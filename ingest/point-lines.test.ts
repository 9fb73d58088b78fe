import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Point, pointLines } from './point-lines.ts';
import { parseReferenceLine, seriesJson } from './reference-parser.ts';

test('every kind of value and time', () => {
  const points: Point[] = [
    { measurement: 'm', fields: { f: 1.5, whole: 3, negative: -0, big: 2n ** 62n, yes: true, text: 'a "b" \\' } },
    {
      measurement: 'a b,c',
      tags: { 'k=1': 'v, w', none: '', gone: undefined },
      fields: { v: 1 },
      time: new Date(1500),
    },
    { measurement: 'm', fields: { v: 1, gone: undefined }, time: -0.5 },
    { measurement: 'm', fields: { v: 1 }, time: 1_700_000_000_123_456_789n },
  ];
  expect(pointLines(points).split('\n')).toEqual([
    'm f=1.5,whole=3,negative=-0,big=4611686018427387904i,yes=true,text="a \\"b\\" \\\\"',
    'a\\ b\\,c,k\\=1=v\\,\\ w v=1 1500000000',
    'm v=1 -500000',
    'm v=1 1700000000123456789',
    '',
  ]);
});

test.each<[string, Point]>([
  ['it has no fields', { measurement: 'm', fields: {} }],
  ['its measurement is empty', { measurement: '', fields: { v: 1 } }],
  ['comment', { measurement: '#m', fields: { v: 1 } }],
  ['line break', { measurement: 'm', tags: { a: 'b\nc' }, fields: { v: 1 } }],
  ['ends with a backslash', { measurement: 'm', tags: { a: 'b\\' }, fields: { v: 1 } }],
  ['its field v is NaN', { measurement: 'm', fields: { v: Number.NaN } }],
  ['its time is not one', { measurement: 'm', fields: { v: 1 }, time: new Date('x') }],
])('refused: %s', (cause, point) => {
  expect(() => pointLines([point])).toThrow(cause);
});

test('whatever is taken is read back as it was', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', ' ', ',', '=', '"', '\\', '#'), maxLength: 6 });
  const words = (value: fc.Arbitrary<unknown>) => fc.dictionary(text, value, { maxKeys: 3, noNullPrototype: true });
  let taken = 0;
  fc.assert(
    fc.property(text, words(text), words(text), (measurement, tags, fields) => {
      let line: string;
      try {
        line = pointLines([{ measurement, tags, fields, time: 5n } as Point]);
      } catch {
        return;
      }
      taken++;
      const kept = Object.entries(tags as Record<string, string>).filter(([, value]) => value !== '');
      expect(parseReferenceLine(line.trimEnd())).toEqual({
        series: seriesJson(measurement, kept),
        fields: new Map(Object.entries(fields).map(([key, value]) => [key, ['string', value]])),
        time: 5n,
      });
    }),
    { numRuns: 2000 },
  );
  expect(taken).toBeGreaterThan(200);
});
