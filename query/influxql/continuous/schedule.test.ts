/**
 * Runs of continuous queries by a clock that is moved. The first cases are those of InfluxDB 1.8's documentation; how a
 * real influxd schedules short intervals is compared in tests/continuous-queries.e2e.test.ts.
 */
import { describe, expect, it } from 'vitest';
import { parseStatements } from '../parser/parser.ts';
import { dueRun, timingOf } from './schedule.ts';

const MINUTE = 60_000_000_000n;

function timing(resample: string, dimension: string, timezone = '') {
  return timingOfSelect(resample, `SELECT mean(v) INTO x FROM m GROUP BY ${dimension} ${timezone}`);
}

function timingOfSelect(resample: string, select: string) {
  const [statement] = parseStatements(`CREATE CONTINUOUS QUERY q ON d ${resample} BEGIN ${select} END`);
  if (statement.kind !== 'create continuous query') throw new Error('not a continuous query');
  return timingOf(statement);
}

const nsOf = (text: string) => BigInt(Date.parse(text)) * 1_000_000n;
const textOf = (ns: bigint) => new Date(Number(ns / 1_000_000n)).toISOString().replace(/:00\.000Z$/, '');

/** The runs between two times when someone looks every so often: `at start end`. */
function runs(of: ReturnType<typeof timing>, from: string, to: string, everyNs = MINUTE): string[] {
  const found: string[] = [];
  let last: bigint | null = null;
  for (let now = nsOf(from); now <= nsOf(to); now += everyNs) {
    const run = dueRun(of!, last, now);
    if (run === null) continue;
    last = run.last;
    found.push(
      run.range === null
        ? `${textOf(now)} nothing`
        : `${textOf(now)} ${textOf(run.range.start)} ${textOf(run.range.end)}`,
    );
  }
  return found;
}

/** Runs on the first of January 2016, as times of the day. */
function day(of: ReturnType<typeof timing>, from: string, to: string): string[] {
  return runs(of, `2016-01-01T${from}Z`, `2016-01-01T${to}Z`).map((line) => line.replaceAll('2016-01-01T', ''));
}

describe('documented runs', () => {
  it('every interval over the window that ended', () => {
    expect(day(timing('', 'time(1h)'), '08:00', '10:30')).toEqual([
      '08:00 07:00 08:00',
      '09:00 08:00 09:00',
      '10:00 09:00 10:00',
    ]);
  });

  it('with an offset', () => {
    expect(day(timing('', 'time(1h, 15m)'), '08:15', '09:30')).toEqual(['08:15 07:15 08:15', '09:15 08:15 09:15']);
  });

  it('EVERY below the interval covers the window that goes on', () => {
    expect(day(timing('RESAMPLE EVERY 30m', 'time(1h)'), '08:00', '09:00')).toEqual([
      '08:00 07:00 08:00',
      '08:30 08:00 09:00',
      '09:00 08:00 09:00',
    ]);
  });

  it('FOR covers several windows', () => {
    expect(day(timing('RESAMPLE FOR 1h', 'time(30m)'), '08:00', '09:00')).toEqual([
      '08:00 07:00 08:00',
      '08:30 07:30 08:30',
      '09:00 08:00 09:00',
    ]);
  });

  it('EVERY and FOR', () => {
    expect(day(timing('RESAMPLE EVERY 1h FOR 90m', 'time(30m)'), '08:00', '09:30')).toEqual([
      '08:00 06:30 08:00',
      '09:00 07:30 09:00',
    ]);
  });

  it('EVERY above the interval covers all windows since', () => {
    expect(day(timing('RESAMPLE EVERY 2h', 'time(1h)'), '08:00', '12:30')).toEqual([
      '08:00 06:00 08:00',
      '10:00 08:00 10:00',
      '12:00 10:00 12:00',
    ]);
  });
});

describe('runs that come late', () => {
  it('make up for those that were missed', () => {
    const of = timing('', 'time(1h)')!;
    const first = dueRun(of, null, nsOf('2016-01-01T08:10Z'))!;
    expect(textOf(first.last)).toBe('2016-01-01T08:00');
    const late = dueRun(of, first.last, nsOf('2016-01-01T11:20Z'))!;
    expect([textOf(late.range!.start), textOf(late.range!.end)]).toEqual(['2016-01-01T08:00', '2016-01-01T11:00']);
    expect(dueRun(of, late.last, nsOf('2016-01-01T11:59Z'))).toBeNull();
  });

  it('and the first one of all in the midst of a window covers nothing, the next one all of it', () => {
    const of = timing('', 'time(1h)')!;
    const first = dueRun(of, null, nsOf('2016-01-01T08:10Z'))!;
    expect(first.range).toBeNull();
    expect(day(of, '08:10', '09:10')).toEqual(['08:10 nothing', '09:00 08:00 09:00']);
    expect(day(timing('RESAMPLE FOR 3h', 'time(1h)'), '08:10', '08:20')).toEqual(['08:10 06:00 08:00']);
  });
});

it('days of a time zone are as long as its clocks make them', () => {
  const of = timing('', 'time(1d)', "tz('Europe/Berlin')");
  expect(runs(of, '2016-03-26T00:00Z', '2016-03-29T00:00Z', 60n * MINUTE)).toEqual([
    '2016-03-26T00:00 nothing',
    '2016-03-26T23:00 2016-03-25T23:00 2016-03-26T23:00',
    // Clocks went forward: the day had 23 hours.
    '2016-03-27T22:00 2016-03-26T23:00 2016-03-27T22:00',
    '2016-03-28T22:00 2016-03-27T22:00 2016-03-28T22:00',
  ]);
  expect(runs(of, '2016-10-29T23:00Z', '2016-11-01T00:00Z', 60n * MINUTE)).toEqual([
    '2016-10-29T23:00 nothing',
    '2016-10-30T23:00 2016-10-29T22:00 2016-10-30T23:00',
    '2016-10-31T23:00 2016-10-30T23:00 2016-10-31T23:00',
  ]);
});

it('before the epoch, and of queries without windows', () => {
  const run = dueRun(timing('RESAMPLE FOR 2h', 'time(1h)')!, null, nsOf('1969-12-31T22:30Z'))!;
  expect([textOf(run.range!.start), textOf(run.range!.end)]).toEqual(['1969-12-31T21:00', '1969-12-31T22:00']);
  expect(timingOfSelect('', 'SELECT v INTO x FROM m')).toBeNull();
});
