import { expect, test } from 'vitest';
import {
  durationParameterMs,
  limitParameter,
  parseApiDurationMs,
  parseTimeMs,
  readParameters,
  requiredTimeParameterMs,
  timeParameterMs,
} from './parameters.ts';

test('times in every spelling that Prometheus takes', () => {
  const check = (text: string, want: number | null) => expect(parseTimeMs(text), text).toBe(want);
  check('0', 0);
  check('1435781451.781', 1_435_781_451_781);
  check('1.0005', 1000); // 1.0005 − 1 is a little less than half a millisecond
  check('-5', -5000);
  check('-1.5', -1500);
  check('1e9', 1e12);
  check('2015-07-01T20:10:51.781Z', 1_435_781_451_781);
  check('2015-07-01T20:10:51.781999999Z', 1_435_781_451_781); // to whole milliseconds, towards the past
  check('2015-07-01T22:10:51+02:00', 1_435_781_451_000);
  check('-292273086-05-16T16:47:06Z', -9_223_309_901_257_974);
  check('292277025-08-18T07:12:54.999999999Z', 9_223_309_901_257_974);
  check('', null);
  check('foo', null);
  check('2015-07-01', null);
  check('2015-13-01T00:00:00Z', null);
  check('0x10', null);
  check('1e300', null);
});

test('durations are seconds or carry units', () => {
  const check = (text: string, want: number | null) => expect(parseApiDurationMs(text), text).toBe(want);
  check('15', 15_000);
  check('0.7', 700);
  check('5m', 300_000);
  check('1h30m', 5_400_000);
  check('', null);
  check('foo', null);
  check('1e300', null);
});

test("errors carry Prometheus' words", () => {
  const parameters = new URLSearchParams({ time: 'foo', start: 'bar', timeout: 'x', limit: '-1' });
  expect(() => timeParameterMs(parameters, 'time', 0)).toThrow(
    'invalid parameter "time": invalid time value for \'time\': cannot parse "foo" to a valid timestamp',
  );
  expect(() => requiredTimeParameterMs(parameters, 'start')).toThrow(
    'invalid parameter "start": cannot parse "bar" to a valid timestamp',
  );
  expect(() => requiredTimeParameterMs(parameters, 'end')).toThrow('cannot parse "" to a valid timestamp');
  expect(() => durationParameterMs(parameters, 'timeout', 0)).toThrow(
    'invalid parameter "timeout": cannot parse "x" to a valid duration',
  );
  expect(() => limitParameter(parameters)).toThrow('invalid parameter "limit": limit must be non-negative');
  expect(timeParameterMs(parameters, 'absent', 7)).toBe(7);
  expect(limitParameter(new URLSearchParams())).toBe(0);
});

test('a form body wins over the URL, and repeated names of both are kept', async () => {
  const request = new Request('http://x/api/v1/query?query=url&match[]=a', {
    method: 'POST',
    body: new URLSearchParams({ query: 'body', 'match[]': 'b' }),
  });
  const parameters = await readParameters(request);
  expect(parameters.get('query')).toBe('body');
  expect(parameters.getAll('match[]')).toEqual(['b', 'a']);
});
