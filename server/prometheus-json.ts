/**
 * Results of PromQL as the `data` of Prometheus' answers:
 * `{"resultType":"matrix","result":[{"metric":{…},"values":[[1435781430.781,"1"],…]},…]}`.
 */
import type { Labels } from '../query/promql/labels.ts';
import { formatPlain } from '../query/promql/number-format.ts';
import type { Grid, SeriesColumn, Value } from '../query/promql/value.ts';
import { JsonBytes, type StepTexts, stepTexts } from './json-bytes.ts';
import { ENVELOPE_HEAD_BYTES } from './prometheus-response.ts';

const COMMA = 44;
const OPEN = 91;
const CLOSE = 93;

/** A result at one instant: a vector, scalar, string, or the matrix of a bare range selector. */
export function instantResult(value: Value, timeMs: number): Uint8Array<ArrayBuffer> {
  const json = new JsonBytes();
  switch (value.kind) {
    case 'scalar':
      json.text(`{"resultType":"scalar","result":[${timeMs / 1000},"${formatPlain(value.values[0])}"]}`);
      break;
    case 'string':
      json.text(`{"resultType":"string","result":[${timeMs / 1000},${JSON.stringify(value.value)}]}`);
      break;
    case 'vector':
      json.text('{"resultType":"vector","result":[');
      writeEach(json, value.series, (series) => {
        writeMetric(json, series.labels);
        json.text(',"value":[');
        json.time(timeMs);
        json.byte(COMMA);
        json.sampleValue(series.values[0]);
        json.text(']}');
      });
      json.text(']}');
      break;
    case 'matrix':
      json.text('{"resultType":"matrix","result":[');
      writeEach(json, value.series, (series) => {
        writeMetric(json, series.labels);
        json.text(',"values":[');
        for (let i = 0; i < series.times.length; i++) {
          if (i > 0) json.byte(COMMA);
          json.byte(OPEN);
          json.time(series.times[i]);
          json.byte(COMMA);
          json.sampleValue(series.values[i]);
          json.byte(CLOSE);
        }
        json.text(']}');
      });
      json.text(']}');
      break;
  }
  return json.finish();
}

/**
 * A result over a grid of steps: always a matrix. A scalar becomes one series without labels. There is room in front
 * for what successBytes puts there.
 */
export function rangeResult(value: Value, grid: Grid): Uint8Array<ArrayBuffer> {
  const times = stepTexts(grid.startMs, grid.stepMs, grid.count);
  const json = new JsonBytes(rangeBytes(value, times));
  json.skip(ENVELOPE_HEAD_BYTES);
  json.text('{"resultType":"matrix","result":[');
  if (value.kind === 'vector') {
    writeEach(json, value.series, (series) => {
      writeMetric(json, series.labels);
      writeSteps(json, times, series.values, series.present);
    });
  } else if (value.kind === 'scalar') {
    json.text('{"metric":{}');
    writeSteps(json, times, value.values, null);
  }
  json.text(']}');
  return json.finish(ENVELOPE_HEAD_BYTES);
}

function writeEach<T extends Pick<SeriesColumn, 'labels'>>(
  json: JsonBytes,
  series: readonly T[],
  write: (one: T) => void,
): void {
  for (let i = 0; i < series.length; i++) {
    if (i > 0) json.byte(COMMA);
    write(series[i]);
  }
}

function writeMetric(json: JsonBytes, labels: Labels): void {
  json.text('{"metric":{');
  for (let i = 0; i < labels.size; i++) {
    const comma = i > 0 ? ',' : '';
    json.text(`${comma}${JSON.stringify(labels.names[i])}:${JSON.stringify(labels.values[i])}`);
  }
  json.text('}');
}

/** More than an answer will take, so that it need not move as it grows. Memory that is not written to costs nothing. */
function rangeBytes(value: Value, { stride }: StepTexts): number {
  if (value.kind !== 'vector') return 0;
  let points = 0;
  for (const { presentCount } of value.series) points += presentCount;
  return Math.min(2 ** 28, 1024 + value.series.length * 512 + points * (4 * stride + 24));
}

/** The points of one series where it is present, and the end of the series' object. */
function writeSteps(json: JsonBytes, times: StepTexts, values: Float64Array, present: Uint8Array | null): void {
  json.text(',"values":[');
  json.steps(times, values, present);
  json.text(']}');
}
