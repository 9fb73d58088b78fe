/** Whole answers. What is wanted was taken from influxd 1.6.7 for the same rows. */
import { expect, test } from 'vitest';
import type { ResultColumn, ResultSeries } from '../../query/influxql/result.ts';
import type { ResultPart } from '../../query/influxql/result-part.ts';
import { CodedTexts } from '../../query/influxql/select/coded-texts.ts';
import { AnswerBytes } from './answer-bytes.ts';
import { chooseFormat } from './answer-format.ts';
import { answerPieces } from './answer-stream.ts';
import { parseEpoch } from './epoch.ts';

const HOSTS: ResultSeries = {
  name: 'cpu',
  tags: null,
  columns: ['time', 'f', 'i', 'b', 's'],
  values: [
    { kind: 'time', sec: new Float64Array([-1500000001, 1500000000]), nano: new Float64Array([999_999_999, 1]) },
    { kind: 'float', values: new Float64Array([1e-7, 1e21]), wide: null, present: null },
    {
      kind: 'integer',
      values: new Float64Array(2),
      wide: new BigInt64Array([9223372036854775807n, -9223372036854775808n]),
      present: null,
    },
    { kind: 'boolean', values: new Float64Array([0, 1]), wide: null, present: new Uint8Array([0, 1]) },
    { kind: 'string', values: [null, '<&> é \t '] },
  ],
  rows: 2,
  partial: false,
};

function tagged(host: string, rows: number): ResultSeries {
  const values: ResultColumn[] = [
    { kind: 'integer', values: Float64Array.from({ length: rows }, (_, i) => i), wide: null, present: null },
  ];
  return { name: 'm', tags: [['host', host]], columns: ['n'], values, rows, partial: false };
}

function part(statement: number, series: ResultSeries[], more: Partial<ResultPart> = {}): ResultPart {
  const parts = series.map((each) => ({ series: each, start: 0, end: each.rows, partial: false }));
  return { statement, series: parts, messages: [], partial: false, error: '', ...more };
}

interface Options {
  accept?: string;
  pretty?: boolean;
  epoch?: string;
  chunked?: boolean;
  rowLimit?: number;
}

async function bytesOf(parts: ResultPart[], options: Options = {}): Promise<Buffer> {
  const { accept = '', pretty = false, epoch = '', chunked: isChunked = false, rowLimit = 0 } = options;
  async function* each() {
    yield* parts;
  }
  const format = chooseFormat(accept, pretty);
  const pieces: Uint8Array[] = [];
  for await (const piece of answerPieces(each(), { format, epoch: parseEpoch(epoch), isChunked, rowLimit })) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

async function check(parts: ResultPart[], options: Options, want: string): Promise<void> {
  expect((await bytesOf(parts, options)).toString()).toBe(want);
}

test('JSON of every type', async () => {
  await check(
    [part(0, [HOSTS])],
    {},
    '{"results":[{"statement_id":0,"series":[{"name":"cpu","columns":["time","f","i","b","s"],"values":[' +
      '["1922-06-20T21:19:59.999999999Z",1e-7,9223372036854775807,null,null],' +
      '["2017-07-14T02:40:00.000000001Z",1e+21,-9223372036854775808,true,"\\u003c\\u0026\\u003e é \\t "]]}]}]}\n',
  );
});

test('JSON of texts that few rows differ in, of numbers with and without nulls side by side', async () => {
  const rows = 400;
  const each = <T>(of: (row: number) => T): T[] => Array.from({ length: rows }, (_, row) => of(row));
  const codes = Int32Array.from(each((row) => (row * 7) % 3));
  const hosts = ['a', '"é"', null];
  const zones = ['x', 'y', 'z'];
  const many = each((row) => `text ${row}`);
  const floats = each((row) => [0, -0, 7, 99, 100, 12_345_678, 0.1 * row, -row][row % 8]);
  const integers = each((row) => row * 1000 - 5);
  const gaps = Uint8Array.from(each((row) => row % 2));
  const number = (
    kind: 'float' | 'integer' | 'boolean',
    values: number[],
    present: Uint8Array | null,
  ): ResultColumn => ({
    kind,
    values: Float64Array.from(values),
    wide: null,
    present,
  });
  const values = [
    { kind: 'time' as const, sec: Float64Array.from(each((row) => row >> 2)), nano: new Float64Array(rows) },
    new CodedTexts(hosts, codes),
    new CodedTexts(zones, codes.subarray()),
    new CodedTexts(many, Int32Array.from(many.keys())),
    number('float', floats, null),
    number('float', floats, null),
    number('float', floats, gaps),
    number('integer', integers, null),
    number('integer', integers, gaps),
    number(
      'boolean',
      each((row) => row % 2),
      null,
    ),
    number(
      'boolean',
      each((row) => row % 2),
      gaps,
    ),
  ];
  const columns = values.map((_, i) => `c${i}`);
  const series: ResultSeries = { name: 'm', tags: null, columns, values, rows, partial: false };
  const shown = <T>(value: T, row: number): T | null => (gaps[row] === 0 ? null : value);
  const want = each((row) => {
    const float = Object.is(floats[row], -0) ? '-0' : floats[row];
    const truth = row % 2 === 1;
    return [
      row >> 2,
      hosts[codes[row]],
      zones[codes[row]],
      many[row],
      float,
      float,
      shown(float, row),
      integers[row],
      shown(integers[row], row),
      truth,
      shown(truth, row),
    ];
  });
  for (const [start, end] of [
    [0, rows],
    [3, 350],
  ]) {
    const parts = [part(0, [], { series: [{ series, start, end, partial: false }] })];
    const text = (await bytesOf(parts, { epoch: 's' })).toString();
    const wanted = JSON.stringify(want.slice(start, end)).replaceAll('"-0"', '-0');
    expect(text).toContain(`"values":${wanted}}]}]}`);
  }
});

test('JSON leaves out what is empty', async () => {
  await check([], {}, '{}\n');
  await check([part(0, [])], {}, '{"results":[{"statement_id":0}]}\n');
  const bare: ResultSeries = { name: '', tags: [], columns: ['a'], values: [], rows: 0, partial: false };
  await check([part(0, [bare])], {}, '{"results":[{"statement_id":0,"series":[{"columns":["a"]}]}]}\n');
});

test('messages come after series, an error last', async () => {
  await check(
    [part(0, [tagged('a', 1)], { messages: [{ level: 'warning', text: 'old' }] }), part(1, [], { error: 'no <b>' })],
    {},
    '{"results":[{"statement_id":0,"series":[{"name":"m","tags":{"host":"a"},"columns":["n"],"values":[[0]]}],' +
      '"messages":[{"level":"warning","text":"old"}]},{"statement_id":1,"error":"no \\u003cb\\u003e"}]}\n',
  );
});

test('parts of one series become one, others stay apart', async () => {
  await check(
    [part(0, [tagged('a', 1)]), part(0, [tagged('a', 2), tagged('b', 1)])],
    {},
    '{"results":[{"statement_id":0,"series":[{"name":"m","tags":{"host":"a"},"columns":["n"],"values":[[0],[0],[1]]},' +
      '{"name":"m","tags":{"host":"b"},"columns":["n"],"values":[[0]]}]}]}\n',
  );
});

test('an error takes the place of what its statement had written', async () => {
  const parts = [part(0, [tagged('a', 1)]), part(1, [tagged('b', 1)]), part(1, [], { error: 'timeout' })];
  const first = '{"name":"m","tags":{"host":"a"},"columns":["n"],"values":[[0]]}';
  const want = `{"results":[{"statement_id":0,"series":[${first}]},{"statement_id":1,"error":"timeout"}]}\n`;
  await check(parts, {}, want);
  await check(parts.slice(1), {}, '{"results":[{"statement_id":1,"error":"timeout"}]}\n');
  await check(parts, { accept: 'text/csv' }, 'name,tags,n\nm,host=a,0\n');
});

test('an error that comes too late for that is added to what was sent', async () => {
  const text = (await bytesOf([part(0, [tagged('a', 200_000)]), part(0, [], { error: 'late' })])).toString();
  const [result] = (JSON.parse(text) as { results: { error: string; series: { values: unknown[] }[] }[] }).results;
  expect(result.error).toBe('late');
  expect(result.series[0].values.length).toBe(200_000);
});

test('chunks are documents of their own', async () => {
  const series = { series: tagged('a', 3), start: 0, end: 2, partial: true };
  const parts = [part(0, [], { series: [series], partial: true }), part(0, [tagged('b', 1)])];
  await check(
    parts,
    { chunked: true },
    '{"results":[{"statement_id":0,"series":[{"name":"m","tags":{"host":"a"},"columns":["n"],"values":[[0],[1]],' +
      '"partial":true}],"partial":true}]}\n' +
      '{"results":[{"statement_id":0,"series":[{"name":"m","tags":{"host":"b"},"columns":["n"],"values":[[0]]}]}]}\n',
  );
});

test('pretty is indented by four', async () => {
  await check(
    [part(0, [tagged('a"{', 1)])],
    { pretty: true },
    `{
    "results": [
        {
            "statement_id": 0,
            "series": [
                {
                    "name": "m",
                    "tags": {
                        "host": "a\\"{"
                    },
                    "columns": [
                        "n"
                    ],
                    "values": [
                        [
                            0
                        ]
                    ]
                }
            ]
        }
    ]
}
`,
  );
});

test('CSV', async () => {
  await check(
    [part(0, [HOSTS]), part(1, []), part(2, [tagged('x, y=z', 1)]), part(2, [HOSTS])],
    { accept: 'application/csv', epoch: 'h' },
    'name,tags,time,f,i,b,s\ncpu,,-416666,0.0000001,9223372036854775807,,\n' +
      'cpu,,416666,1000000000000000000000,-9223372036854775808,true,<&> é \t \n' +
      '\nname,tags,n\nm,"host=x\\,\\ y\\=z",0\n' +
      '\nname,tags,time,f,i,b,s\ncpu,,-416666,0.0000001,9223372036854775807,,\n' +
      'cpu,,416666,1000000000000000000000,-9223372036854775808,true,<&> é \t \n',
  );
});

test('MessagePack', async () => {
  const bytes = await bytesOf([part(0, [HOSTS])], { accept: 'application/x-msgpack' });
  expect(bytes.toString('hex')).toBe(
    '81a7726573756c74739182ac73746174656d656e745f696400a6736572696573' +
      '9183a46e616d65a3637075a7636f6c756d6e7395a474696d65a166a169a162a173a676616c75657392' +
      '95c70c05ffffffffa697d0ff3b9ac9ffcb3e7ad7f29abcaf48d37fffffffffffffffc0c0' +
      '95c70c050000000059682f0000000001cb444b1ae4d6e2ef50d38000000000000000c3a93c263e20c3a9200920',
  );
});

test('rows beyond the limit are left out, and their series says so', async () => {
  await check(
    [part(0, [tagged('a', 2)]), part(0, [tagged('b', 5)]), part(1, [tagged('c', 1)])],
    { rowLimit: 3 },
    '{"results":[{"statement_id":0,"series":[{"name":"m","tags":{"host":"a"},"columns":["n"],"values":[[0],[1]]},' +
      '{"name":"m","tags":{"host":"b"},"columns":["n"],"values":[[0]],"partial":true}]}]}\n',
  );
});

test('the client says what it accepts', () => {
  const type = (accept: string) => chooseFormat(accept, false).contentType;
  expect(type('')).toBe('application/json');
  expect(type('*/*')).toBe('application/json');
  expect(type('text/html')).toBe('application/json');
  expect(type('text/*')).toBe('text/csv');
  expect(type('text/html, application/csv;q=0.5')).toBe('text/csv');
  expect(type('text/csv;q=0.1, application/json;q=0.9')).toBe('application/json');
  expect(type('application/x-msgpack')).toBe('application/x-msgpack');
});

test('refusals have the form of answers', () => {
  const text = (accept: string) => {
    const bytes = new AnswerBytes();
    chooseFormat(accept, false).error(bytes, 'no "q"');
    return Buffer.from(bytes.take()).toString('latin1');
  };
  expect(text('')).toBe('{"error":"no \\"q\\""}\n');
  expect(text('text/csv')).toBe('error\n"no ""q"""\n');
  expect(text('application/x-msgpack')).toBe('\x81\xa5error\xa6no "q"');
});
