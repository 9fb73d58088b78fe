import { describe, expect, test } from 'vitest';
import { Batch } from '../batch/batch.ts';
import { SeriesIndex } from '../index/series-index.ts';
import { bits, decode } from './remote-cases.ts';
import {
  concat,
  type EncodedSeries,
  encodeRequest2,
  integerField,
  message,
  sampleField,
  textField,
} from './remote-encoder.ts';
import { remoteErrorText } from './remote-outcome.ts';
import { decodeRemoteWrite2, writtenHeaders } from './remote-write-2.ts';

describe('remote write 2.0 alone', () => {
  const series = (labels: [string, string][], type: number, help: string, unit: string): EncodedSeries => ({
    labels,
    samples: [{ value: 1, ms: 1, startMs: 1700000000000 }],
    metadata: { type, help, unit },
  });

  test('metadata of a metric is handed over once', () => {
    const { outcome, rows } = decode(
      encodeRequest2([
        series(
          [
            ['__name__', 'm'],
            ['a', '1'],
          ],
          1,
          'Help.',
          's',
        ),
        series(
          [
            ['__name__', 'm'],
            ['a', '2'],
          ],
          1,
          'Help.',
          's',
        ),
        series([['__name__', 'n']], 2, '', ''),
      ]),
      decodeRemoteWrite2,
    );
    expect(rows.length).toBe(3);
    expect(outcome.metadata).toEqual([
      { metric: 'm', type: 'counter', help: 'Help.', unit: 's' },
      { metric: 'n', type: 'gauge', help: '', unit: '' },
    ]);
  });

  test('references beyond the symbols, and odd ones, refuse their series', () => {
    const name = concat([textField(4, ''), textField(4, '__name__'), textField(4, 'm')]);
    const sample = sampleField({ value: 1, ms: 1 });
    const request = concat([
      name,
      message(5, message(1, Uint8Array.of(1, 2)), sample),
      message(5, message(1, Uint8Array.of(1, 9)), sample),
      message(5, message(1, Uint8Array.of(1, 2, 0)), sample),
    ]);
    const { rows, outcome } = decode(request, decodeRemoteWrite2);
    expect(rows.length).toBe(1);
    expect(remoteErrorText(outcome)).toContain('label reference 9 is beyond the 3 symbols');
    expect(remoteErrorText(outcome)).toContain('a label name without a value');
  });

  test('symbols behind the series, and references that are not packed', () => {
    const symbols = concat([textField(4, ''), textField(4, '__name__'), textField(4, 'm')]);
    const unpacked = message(5, integerField(1, 1), sampleField({ value: 1, ms: 1 }), integerField(1, 2));
    expect(decode(concat([unpacked, symbols]), decodeRemoteWrite2).rows).toEqual([`m ${bits(1)} 1000000`]);
  });

  test('symbols that do not begin with the empty string are damaged', () => {
    expect(() => decodeRemoteWrite2(textField(4, 'x'), new SeriesIndex(), new Batch())).toThrow('first symbol');
  });

  test('the headers of the answer count what was written', () => {
    const { outcome } = decode(
      encodeRequest2([
        {
          labels: [['__name__', 'm']],
          samples: [{ value: 1, ms: 1 }],
          histograms: 2,
          exemplars: [{ labels: [], value: 1, ms: 1 }],
        },
      ]),
      decodeRemoteWrite2,
    );
    expect(writtenHeaders(outcome)).toEqual({
      'X-Prometheus-Remote-Write-Samples-Written': '1',
      'X-Prometheus-Remote-Write-Histograms-Written': '0',
      'X-Prometheus-Remote-Write-Exemplars-Written': '1',
    });
  });
});
