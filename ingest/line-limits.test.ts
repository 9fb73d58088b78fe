import { describe, expect, test } from 'vitest';
import { Batch } from '../batch/batch.ts';
import { SeriesIndex } from '../index/series-index.ts';
import { DEFAULT_LIMITS, type Refusal } from './limits.ts';
import { OPTIONS, parse, refuses } from './line-cases.ts';
import { errorBody, errorText } from './line-outcome.ts';
import { parseLines } from './line-parser.ts';

describe('limits', () => {
  const limits = {
    ...DEFAULT_LIMITS,
    maxLineBytes: 200,
    maxSeriesKeyBytes: 100,
    maxNameBytes: 20,
    maxTagValueBytes: 30,
    maxTags: 4,
    maxFields: 5,
    maxStringBytes: 40,
  };
  const x = (n: number): string => 'x'.repeat(n);

  test('what is just allowed', () => {
    const tags = ['a', 'b', 'c'].map((key) => `${key}=${x(20)}`).join(',');
    for (const line of [
      `${x(20)} v=1 1`,
      `m,${x(20)}=${x(30)} v=1 1`,
      `m,${tags} ${x(20)}="${x(40)}" 1`,
      'm,a=1,b=2,c=3,d=4 a=1,b=2,c=3,d=4,e=5 1',
    ]) {
      expect(parse(`${line}\n`, { limits }).outcome.errors, line).toEqual([]);
    }
    expect(parse(`m v="${x(40)}" ${' '.repeat(151)}1\n`, { limits }).outcome.errors).toEqual([]);
  });

  test('one more is refused, and the error names the limit', () => {
    refuses(`${x(21)} v=1 1`, 'measurement is too long: 21 bytes (limit max-name-size = 20)', 1, { limits });
    refuses(`m,${x(21)}=1 v=1 1`, 'tag key is too long: 21 bytes (limit max-name-size = 20)', 1, { limits });
    refuses(`m,a=${x(31)} v=1 1`, 'tag value is too long: 31 bytes (limit max-tag-value-size = 30)', 1, { limits });
    refuses(`m ${x(21)}=1 1`, 'field key is too long: 21 bytes (limit max-name-size = 20)', 3, { limits });
    refuses('m,a=1,b=2,c=3,d=4,e=5 v=1 1', 'too many tags: 5 (limit max-tags = 4)', 1, { limits });
    refuses('m a=1,b=2,c=3,d=4,e=5,f=6 1', 'too many fields: 6 (limit max-fields = 5)', 23, { limits });
    refuses(`good v="${x(41)}" 1`, 'string value is too long: 41 bytes (limit max-string-size = 40)', 9, { limits });
    refuses(`m ${' '.repeat(196)}v=1`, 'line is too long: 201 bytes (limit max-line-size = 200)', 1, { limits });
    const key = `m,a=${x(30)},b=${x(30)},c=${x(30)}`;
    refuses(
      `${key}x v=1 1`,
      `max key length exceeded: 103 > 100 (limit max-series-key-size)`.replace('103', String(key.length + 1)),
      1,
      { limits },
    );
    // Known series and fields are held to the length of a line, too.
    refuses(`good v=1 ${' '.repeat(200)}1`, 'line is too long: 210 bytes (limit max-line-size = 200)', 1, { limits });
  });

  test('new series are admitted or not by the caller; known ones are not asked for', () => {
    const index = new SeriesIndex();
    let asked = 0;
    const text = 'max-series-per-database limit exceeded: (2)';
    const door = {
      needsParts: false,
      admit: (): Refusal | null => (++asked <= 2 ? null : { limit: 'maxSeries', text }),
      admitNames: () => null,
      hasRoom: () => true,
    };
    const batch = new Batch();
    const body = Buffer.from('a,x=1,y=2 v=1 1\nb v=1 1\na,y=2,x=1 v=1 2\na,x=1,y=2 v=1 3\nc v=1 1\nb v=2 2\n');
    const outcome = parseLines(body, 0, body.length, index, batch, { ...OPTIONS, door });
    expect(asked).toBe(3);
    expect(batch.rows).toBe(5);
    expect(outcome.newSeries).toBe(2);
    expect(outcome.errors.map(({ line, reason }) => [line, reason])).toEqual([[5, text]]);
    expect([...outcome.refusals]).toEqual([['maxSeries', { count: 1, text }]]);
  });
});

describe('answers', () => {
  test('a body that is wholly bad reads as InfluxDB’s, with the position', () => {
    expect(errorText(parse('m v=x 1\n').outcome)).toBe("unable to parse 'm v=x 1': invalid boolean (line 1, column 5)");
  });

  test('a partial write says so, and how many lines it dropped', () => {
    const { outcome } = parse('m v=1 1\nm v=x 1\nm v=1i 1\n');
    const { status, body } = errorBody(outcome);
    expect(status).toBe(400);
    expect(JSON.parse(body)).toEqual({
      error:
        "partial write: unable to parse 'm v=x 1': invalid boolean (line 2, column 5)\n" +
        'field type conflict: input field "v" on measurement "m" is type integer, already exists as type float (line 3, column 3) dropped=2',
      kept: 1,
      rejected: 2,
      lines: [
        { line: 2, column: 5, reason: 'invalid boolean', excerpt: 'm v=x 1' },
        {
          line: 3,
          column: 3,
          reason:
            'field type conflict: input field "v" on measurement "m" is type integer, already exists as type float',
          excerpt: 'm v=1i 1',
        },
      ],
    });
  });

  test('the first ten bad lines are named, long ones shortened, the others counted', () => {
    const { outcome } = parse(`m v=${'y'.repeat(1000)}\n${'m v=x\n'.repeat(24)}`);
    expect(outcome.errors.length).toBe(10);
    expect(outcome.errors[0].excerpt).toBe(`m v=${'y'.repeat(252)}…`);
    expect(outcome.rejected).toBe(25);
    expect(errorText(outcome)).toMatch(/\nand 15 more$/);
  });
});
