import { describe, expect, test } from 'vitest';
import { Batch } from '../batch/batch.ts';
import { SeriesIndex } from '../index/series-index.ts';
import { accepts, NOW, OPTIONS, parse, refuses, show } from './line-cases.ts';
import { newLineOutcome } from './line-outcome.ts';
import { parseLines } from './line-parser.ts';
import { floatText } from './reference-parser.ts';
import { parsePrecision } from './timestamp.ts';

const one = floatText(1);

describe('keys', () => {
  test('escapes and raw bytes in all names', () => {
    accepts('m,a=b v=1 1', `m,a=b v=float:${one} 1`);
    accepts('m\\,\\ x,t\\,\\ \\=y=v\\,\\ \\=z f\\,\\ \\=q=1 1', `m, x,t, =y=v, =z f, =q=float:${one} 1`);
    // Other backslashes stand for themselves, and a doubled one is two.
    accepts('m\\x,t\\y=v\\\\z f\\q=1 1', `m\\x,t\\y=v\\\\z f\\q=float:${one} 1`);
    // InfluxDB also takes \= and \" as escapes in measurements, \" in field keys.
    accepts('m\\=\\"x f\\"=1 1', `m="x f"=float:${one} 1`);
    // In tags a quote is no special byte, escaped or not.
    accepts('m,t"=v\\" v=1 1', `m,t"=v\\" v=float:${one} 1`);
    accepts('"m" "f"=1 1', `"m" "f"=float:${one} 1`);
    // An equals sign is fine in a measurement, and as first byte of a tag value.
    accepts('=m,a==b v=1 1', `=m,a==b v=float:${one} 1`);
    accepts('m#,a=# #=1 1', `m#,a=# #=float:${one} 1`);
  });

  test('UTF-8 is kept as it is', () => {
    const latin1 = (text: string): string => Buffer.from(text).toString('latin1');
    accepts('wetter,stadt=Köln t°="18 °C 🌤" 1', latin1('wetter,stadt=Köln t°=string:18 °C 🌤 1'));
  });

  test('tags are sorted; each order of them is one series', () => {
    const { rows, index, outcome } = parse('m,b=1,a=2 v=1 1\nm,a=2,b=1 v=1 2\nm,b=1,a=2 v=1 3\nm,B=1,a=2 v=1 4\n');
    expect(rows.map((row) => row.split(' ')[0])).toEqual(['m,a=2,b=1', 'm,a=2,b=1', 'm,a=2,b=1', 'm,B=1,a=2']);
    expect(index.seriesCount).toBe(2);
    expect(outcome.newSeries).toBe(2);
  });

  test('what InfluxDB refuses', () => {
    refuses('m', 'missing fields', 2);
    refuses('m,a=b', 'missing fields', 6);
    refuses(',a=b v=1', 'missing measurement', 1);
    refuses('m, v=1', 'missing tag key', 3);
    refuses('m,=b v=1', 'missing tag key', 3);
    refuses('m,a=b, v=1', 'missing tag key', 7);
    refuses('m,a=b,,c=d v=1', 'missing tag key', 7);
    refuses('m,a v=1', 'missing tag value', 4);
    refuses('m,a,b=c v=1', 'missing tag value', 4);
    refuses('m,a= v=1', 'missing tag value', 5);
    refuses('m,a=,b=c v=1', 'missing tag value', 5);
    refuses('m,a', 'missing tag value', 4);
    refuses('m,a=b=c v=1', 'invalid tag format', 6);
    refuses('m,a=1,a=2 v=1', 'duplicate tags', 1);
    refuses('m,b=1,a=2,b=3 v=1', 'duplicate tags', 1);
    refuses('m,time=x v=1', 'invalid tag key: input tag "time" on measurement "m" is invalid', 1);
    // The space is escaped, so the key goes on.
    refuses('m,a=b\\ v=1 1', 'invalid tag format', 9);
    refuses('m\\ v=1 1', 'invalid field format', 9);
  });
});

describe('fields', () => {
  test('floats', () => {
    for (const text of [
      '1',
      '1.',
      '.5',
      '-.5',
      '1.5',
      '1e5',
      '1E5',
      '1e+5',
      '1e-5',
      '-0',
      '-0.0',
      '00012',
      '1e0005',
      '1e-400',
    ]) {
      accepts(`m v=${text} 1`, `m v=float:${floatText(Number(text))} 1`);
    }
    for (const text of [
      'NaN',
      'nan',
      '-Inf',
      '-',
      '.',
      '-.',
      '1.5.5',
      '0x10',
      '1_000',
      '1a',
      '1-2',
      '1e5-2',
      '5f',
      '1\t',
    ]) {
      refuses(`m v=${text} 1`, 'invalid number', 5);
    }
    for (const text of ['1e', '1e+', '.e5', '-e5', '1e400', '-1e400', '1e5.', '9'.repeat(400)]) {
      refuses(`m v=${text} 1`, 'invalid float', 5);
    }
  });

  test('integers and unsigned integers', () => {
    for (const text of ['0', '-0', '0012', '-5', '9007199254740993', '9223372036854775807', '-9223372036854775808']) {
      accepts(`m v=${text}i 1`, `m v=integer:${BigInt(text)} 1`);
    }
    for (const text of ['0', '42', '9007199254740993', '9223372036854775808', '18446744073709551615']) {
      accepts(`m v=${text}u 1`, `m v=unsigned:${text} 1`);
    }
    for (const text of ['-i', '1.0i', '1.i', '1e3i', '1i2', '1ii', '-1u', '1iu'])
      refuses(`m v=${text} 1`, 'invalid number', 5);
    for (const [text, type, name] of [
      ['9223372036854775808', 'integer', 'ParseInt'],
      ['-9223372036854775809', 'integer', 'ParseInt'],
      ['18446744073709551616', 'unsigned', 'ParseUint'],
      ['99999999999999999999999', 'unsigned', 'ParseUint'],
    ]) {
      const reason = `unable to parse ${type} ${text}: strconv.${name}: parsing "${text}": value out of range`;
      refuses(`m v=${text}${type[0]} 1`, reason, 5);
    }
  });

  test('booleans', () => {
    for (const text of ['t', 'T', 'true', 'True', 'TRUE']) accepts(`m v=${text} 1`, 'm v=boolean:1 1');
    for (const text of ['f', 'F', 'false', 'False', 'FALSE']) accepts(`m v=${text} 1`, 'm v=boolean:0 1');
    for (const text of [
      'tRUE',
      'TRue',
      'tr',
      'fa',
      'TRUEX',
      't1',
      'x',
      '+1',
      '+5i',
      'inf',
      'Inf',
      'i',
      'u',
      'e5',
      '=1',
    ]) {
      refuses(`m v=${text} 1`, 'invalid boolean', 5);
    }
  });

  test('strings', () => {
    accepts('m v="a b,c=d" 1', 'm v=string:a b,c=d 1');
    accepts('m v="" 1', 'm v=string: 1');
    // Only a quote and a backslash can be escaped.
    accepts('m v="\\"a\\\\b\\n\\" 1" 1', 'm v=string:"a\\b\\n" 1 1');
    accepts('m v="\\\\",w=1 1', `m v=string:\\,w=float:${one} 1`);
    accepts('m v="# no comment" 1', 'm v=string:# no comment 1');
    refuses('m v="a"b 1', 'invalid field format', 8);
    refuses('m v="a""b" 1', 'invalid field format', 8);
    // No quote follows in the whole body.
    refuses('m v="a 1', 'unbalanced quotes', 5);
    refuses('m v="a\\" 1', 'unbalanced quotes', 5);
  });

  test('a newline in a string is part of it, and counted as a line', () => {
    const { rows, outcome } = parse('m v="a\nb\r\n# c\n" 1\nm v=x 2\nm v="d" 3\n');
    expect(rows).toEqual(['m v=string:a\nb\r\n# c\n 1', 'm v=string:d 3']);
    expect(outcome.errors.map(({ line, column }) => [line, column])).toEqual([[5, 5]]);
    expect(outcome.nextLine).toBe(7);
  });

  test('a quote that is never closed, or closed by a later line, does not swallow good lines', () => {
    const { rows, outcome } = parse('m v="a 1\nn v="b" 1\nn v="c" 2\no v="d 1\no v="e" 2\n');
    expect(rows).toEqual(['n v=string:b 1', 'n v=string:c 2', 'o v=string:e 2']);
    expect(outcome.errors.map(({ line, excerpt }) => [line, excerpt])).toEqual([
      [1, 'm v="a 1'],
      [4, 'o v="d 1'],
    ]);
  });

  test('a bad line is skipped to its real end, past newlines in its strings', () => {
    const { rows, outcome } = parse('m v=x,s="a\nm v=1 1\n" 1\nm v=2 2\n');
    expect(rows).toEqual([`m v=float:${floatText(2)} 2`]);
    expect(outcome.rejected).toBe(1);
    expect(outcome.errors[0].excerpt).toBe('m v=x,s="a\nm v=1 1\n" 1');
  });

  test('malformed lists', () => {
    refuses('m ', 'invalid field format', 3);
    refuses('m v', 'invalid field format', 4);
    refuses('m v=1, 1', 'invalid field format', 7);
    refuses('m v=1,,w=2 1', 'invalid field format', 7);
    refuses('m v=1,w 1', 'invalid field format', 8);
    refuses('m ,v=1', 'invalid field format', 3);
    refuses('m a b=1', 'invalid field format', 4);
    refuses('m \\=1 1', 'invalid field format', 6);
    refuses('m =1 1', 'missing field key', 3);
    refuses('m v=1,=2 1', 'missing field key', 7);
    refuses('m v=', 'missing field value', 5);
    refuses('m v= 1', 'missing field value', 5);
    refuses('m v=,w=1 1', 'missing field value', 5);
  });

  test('of a repeated field the last value counts', () => {
    accepts('m v=1,v=2 1', `m v=float:${floatText(2)} 1`);
    accepts('m a=1i,b="x",a=2i,b="y",c=t,a=3i 1', 'm a=integer:3,b=string:y,c=boolean:1 1');
    const many = Array.from({ length: 40 }, (_, i) => `f${i % 39}=${i}i`).join(',');
    const want = Array.from({ length: 39 }, (_, i) => `f${i}=integer:${i === 0 ? 39 : i}`).join(',');
    accepts(`m ${many} 1`, `m ${want} 1`);
  });

  test('a field named time is dropped, and a line with no other one is refused', () => {
    accepts('m time=5,v=1,time="x" 7', `m v=float:${one} 7`);
    refuses('m time=5 1', 'invalid field name: input field "time" on measurement "m" is invalid', 3);
    refuses('good time=5 1', 'invalid field name: input field "time" on measurement "good" is invalid', 6);
  });

  test('a type conflict costs its line only', () => {
    const conflict = (field: string, measurement: string, type: string, existing: string): string =>
      `field type conflict: input field "${field}" on measurement "${measurement}" is type ${type}, already exists as type ${existing}`;
    refuses('good v=1i 1', conflict('v', 'good', 'integer', 'float'), 6);
    refuses('good,host=a w=1,v="x" 1', conflict('v', 'good', 'string', 'float'), 17);
    refuses('other v=1,v="x" 1', conflict('v', 'other', 'string', 'float'), 11);
    refuses('good v=1u 1', conflict('v', 'good', 'unsigned', 'float'), 6);
    refuses('good v=t 1', conflict('v', 'good', 'boolean', 'float'), 6);
  });

  test('a refused line defines no series', () => {
    const { index } = parse('a v=1 1\nb v=x 1\nb v=1 x\nb,c=d time=1 1\nb,time=1 v=1 1\na,c=d v=1i 1\n');
    expect(index.seriesCount).toBe(1);
  });

  test('the fields of a series may come and go in any order', () => {
    const { rows } = parse('m a=1i,b=2i 1\nm b=3i,a=4i 2\nm a=5i 3\nm a=6i,b=7i,c=8i 4\nm c=9i 5\nm a=1i,b=2i 6\n');
    expect(rows).toEqual([
      'm a=integer:1,b=integer:2 1',
      'm b=integer:3,a=integer:4 2',
      'm a=integer:5 3',
      'm a=integer:6,b=integer:7,c=integer:8 4',
      'm c=integer:9 5',
      'm a=integer:1,b=integer:2 6',
    ]);
  });
});

describe('timestamps', () => {
  test('none means the server’s time, truncated to the precision', () => {
    accepts('m v=1', `m v=float:${one} ${NOW}`);
    accepts('m v=1  ', `m v=float:${one} ${NOW}`);
    accepts('m v=1', `m v=float:${one} 1700000000123000000`, { precision: parsePrecision('ms') });
    accepts('m v=1', `m v=float:${one} 1699999200000000000`, { precision: parsePrecision('h') });
  });

  test('every unit, negative and far ones', () => {
    accepts('m v=1 -5', `m v=float:${one} -5`);
    accepts('m v=1 9223372036854775806', `m v=float:${one} 9223372036854775806`);
    accepts('m v=1 -9223372036854775806', `m v=float:${one} -9223372036854775806`);
    accepts('m v=1 9223372036854775', `m v=float:${one} 9223372036854775000`, { precision: parsePrecision('u') });
    accepts('m v=1 -1', `m v=float:${one} -1000000`, { precision: parsePrecision('ms') });
    accepts('m v=1 7', `m v=float:${one} 7000000000`, { precision: parsePrecision('s') });
    accepts('m v=1 7', `m v=float:${one} 420000000000`, { precision: parsePrecision('m') });
    accepts('m v=1 -7', `m v=float:${one} -25200000000000`, { precision: parsePrecision('h') });
    const range = 'time outside range -9223372036854775806 - 9223372036854775806';
    refuses('m v=1 9223372036854775807', range, 7);
    refuses('m v=1 -9223372036854775808', range, 7);
    refuses('m v=1 9223372036854775808', 'strconv.ParseInt: parsing "9223372036854775808": value out of range', 7);
    for (const [unit, first] of [
      ['us', 9223372036854776n],
      ['ms', 9223372036855n],
      ['s', 9223372037n],
      ['m', 153722868n],
      ['h', 2562048n],
    ] as const) {
      const precision = parsePrecision(unit);
      const { outcome } = parse(`m v=1 ${first - 1n}\nm v=1 ${first}\nm v=1 -${first - 1n}\nm v=1 -${first}\n`, {
        precision,
      });
      expect(outcome.errors.map(({ line, reason }) => [line, reason])).toEqual([
        [2, range],
        [4, range],
      ]);
    }
  });

  test('what InfluxDB refuses', () => {
    for (const text of ['x', '1x', '1e3', '1.0', '--1', '+5', '1\t', 'w=2 1', '1,'])
      refuses(`m v=1 ${text}`, 'bad timestamp', 7);
    refuses('m v=1 -', 'strconv.ParseInt: parsing "-": invalid syntax', 7);
    refuses('m v=1 1 2', 'point is invalid', 9);
  });

  test('equal and nearly equal ones one after another', () => {
    const times = [
      '1767225600000000000',
      '1767225600000000000',
      '1767225600000000001',
      '176722560000000000',
      '1767225600000000001',
      '12345678',
      '123456789',
      '12345678',
      '00012345678',
    ];
    const { rows } = parse(times.map((time) => `m v=1 ${time}\n`).join(''));
    expect(rows.map((row) => row.split(' ')[2])).toEqual(times.map((time) => String(BigInt(time))));
  });
});

describe('lines', () => {
  test('blank lines, comments, blanks around', () => {
    const { rows, outcome } = parse(
      '\n# c v=1\n  \n\t\n  # x\r\n\r\n \tm  v=1   5  \r\n\0m \tv=1 \t5\n#\n# "a\nm v=1 6\n#\\\nm v=1 7',
    );
    expect(rows).toEqual([5, 5, 6, 7].map((time) => `m v=float:${one} ${time}`));
    expect(outcome.rejected).toBe(0);
  });

  test('carriage returns end lines like newlines do', () => {
    const { rows } = parse('m a=1 1\r\nm a=1\r\nm b=t\r\nm c="x"\r\nm d=5i\r\nm a=1 2\r\n');
    expect(rows.length).toBe(6);
    refuses('m\r', 'missing fields', 3);
    refuses('m v=1\r1', 'invalid number', 5);
    refuses('m v=\r', 'missing field value', 5);
  });

  test('a body without a last newline, an empty one, and one within a larger buffer', () => {
    expect(parse('m v=1 1\nm v=2 2').rows.length).toBe(2);
    expect(parse('').outcome).toEqual(newLineOutcome());
    const bytes = Buffer.from('xxm v=1 1\nm v=2 2yy');
    const batch = new Batch();
    const outcome = parseLines(bytes, 2, bytes.length - 2, new SeriesIndex(), batch, OPTIONS);
    expect(batch.rows).toBe(2);
    expect(outcome.nextOffset).toBe(bytes.length - 2);
    expect(outcome.nextLine).toBe(3);
  });

  test('slices end at lines and count them, whatever their size', () => {
    const body = Buffer.from(
      'm v="a\nb\n\nc" 1\nm v=x,s="\n\n" 2\n\n# "\nm v="d" 3\nn v="e 1\nn v=1 1\nm v="f\\"\n" 4\nn v=, 1',
    );
    const want = parse(body);
    expect(want.outcome.errors.map(({ line }) => line)).toEqual([5, 11, 15]);
    for (let sliceBytes = 1; sliceBytes < body.length + 2; sliceBytes++) {
      const index = new SeriesIndex();
      const batch = new Batch();
      const outcome = newLineOutcome();
      let offset = 0;
      let firstLine = 1;
      while (offset < body.length) {
        parseLines(body, offset, body.length, index, batch, { ...OPTIONS, sliceBytes, firstLine }, outcome);
        expect(outcome.nextOffset).toBeGreaterThan(offset);
        offset = outcome.nextOffset;
        firstLine = outcome.nextLine;
      }
      expect(show(batch, index)).toEqual(want.rows);
      expect(outcome).toEqual(want.outcome);
    }
  });

  test('a refused line leaves nothing in the batch', () => {
    const { batch } = parse(
      'm a="kept",b=9007199254740993i 1\nm a="gone",b=9007199254740995i x\nm a="gone too",b=1 1\nm a="gone"x 1\n',
    );
    expect([batch.rows, batch.valueCount, batch.stringCount, batch.wideCount]).toEqual([1, 2, 1, 1]);
  });
});

test('a series that was removed from the index is defined anew', () => {
  const index = new SeriesIndex();
  parse('a v=1 1\nb v=1 1\n', {}, index);
  index.remove(Int32Array.of(0, 1));
  const batch = new Batch();
  const body = Buffer.from('a v=1 2\nb v=1 2\n');
  const outcome = parseLines(body, 0, body.length, index, batch, OPTIONS);
  expect(outcome.newSeries).toBe(2);
  expect(index.seriesCount).toBe(2);
});
