/** InfluxDB's API, in the parts of 1.x, 2.x and 3 that there are. */
import { json, NO_CONTENT, type Operation, type OperationTable, parameter } from './operation.ts';

const LINES = { 'text/plain': { type: 'string' } };

function precision(units: string): ReturnType<typeof parameter> {
  return parameter('precision', `unit of the timestamps: ${units}; nanoseconds unless given`);
}

function write(operation: Omit<Operation, 'body' | 'answers'>, bad: string): Operation {
  return {
    description: 'Line protocol. Content-Encoding may be gzip, deflate or zstd.',
    ...operation,
    body: LINES,
    answers: {
      204: { description: 'all lines were stored, durably' },
      400: json('some lines never will be stored, and are named; the good ones were', bad),
      413: json('the body is too large', 'InfluxError'),
      429: json('over a limit', 'InfluxError'),
    },
  };
}

const id = parameter('id', 'of the bucket', { example: '0000000000000000' });

const bucket = json('the bucket', 'Bucket');
const notFound = json('there is none', 'InfluxV2Error');

const RESULTS = {
  'application/json': 'InfluxResults',
  'application/csv': { type: 'string' },
  'text/csv': { type: 'string' },
  'application/x-msgpack': { type: 'string', contentEncoding: 'binary' },
  'application/vnd.apache.arrow.stream': { type: 'string', contentEncoding: 'binary' },
};

export const INFLUX_OPERATIONS: OperationTable = {
  '/write': {
    post: write(
      {
        takesDatabase: true,
        parameters: [
          precision('n, ns, u, us, ms, s, m, h'),
          parameter('consistency', 'any, one, quorum or all, which are the same here'),
        ],
      },
      'PartialWrite',
    ),
  },
  '/api/v2/write': {
    post: write(
      {
        parameters: [
          parameter('bucket', 'a database, or database/policy; `default` unless given'),
          parameter('org', 'anything'),
          precision('ns, us, ms, s'),
        ],
      },
      'InfluxV2Error',
    ),
  },
  '/api/v3/write_lp': {
    post: write(
      {
        parameters: [
          parameter('db', 'the database; `default` unless given'),
          parameter('precision', 'auto (by each timestamp), nanosecond, microsecond, millisecond, second'),
          parameter('accept_partial', 'false: one bad line refuses all', { schema: { type: 'boolean' } }),
          parameter('no_sync', 'true: answer before the rows are durable', { schema: { type: 'boolean' } }),
        ],
      },
      'InfluxError',
    ),
  },
  '/query': {
    all: {
      takesForm: true,
      takesDatabase: true,
      description:
        'InfluxQL. A multipart form does, too. Accept chooses the form of the answer; docs/arrow.md describes Arrow. Each ' +
        'statement needs its own rights.',
      parameters: [
        parameter('q', 'statements, separated by semicolons', { required: true, example: 'SELECT * FROM cpu' }),
        parameter('epoch', 'times as numbers of this unit instead of RFC 3339', {
          schema: { enum: ['ns', 'n', 'u', 'µ', 'ms', 's', 'm', 'h'] },
        }),
        parameter('chunked', 'true: a document for each piece', { schema: { type: 'boolean' } }),
        parameter('chunk_size', 'rows of a piece; 10,000 unless given', { schema: { type: 'integer' } }),
        parameter('pretty', 'true: indented JSON', { schema: { type: 'boolean' } }),
        parameter('params', 'JSON object of values for $names'),
        parameter('async', 'true: answer 204 at once and run on', { schema: { type: 'boolean' } }),
      ],
      answers: {
        200: { description: 'results; a statement that failed says so in its own', content: RESULTS },
        204: { description: 'with async' },
        400: json('the statements cannot be read', 'InfluxError'),
        422: json('the result is too large for Arrow', 'InfluxError'),
      },
    },
  },
  '/ping': {
    get: {
      parameters: [parameter('verbose', 'true: answer with the version', { schema: { type: 'boolean' } })],
      answers: {
        200: json('with verbose', { type: 'object', properties: { version: { type: 'string' } } }),
        204: { description: 'alive; X-Influxdb-Version says which InfluxDB this is like' },
      },
    },
  },
  '/api/v2/buckets': {
    get: {
      parameters: [
        parameter('name', 'only this one'),
        parameter('id', 'only this one'),
        parameter('limit', 'at most so many; 20 unless given, 100 is the most', { schema: { type: 'integer' } }),
        parameter('offset', 'leave so many out', { schema: { type: 'integer' } }),
        parameter('after', 'id of the last one of the page before'),
      ],
      answers: {
        200: json('databases and retention policies', {
          type: 'object',
          required: ['buckets'],
          properties: { buckets: { type: 'array', items: { $ref: '#/components/schemas/Bucket' } } },
        }),
        404: notFound,
      },
    },
    post: {
      summary: 'makes a database, or a retention policy of one',
      body: {
        'application/json': {
          type: 'object',
          required: ['name'],
          properties: {
            name: { type: 'string', description: 'database, or database/policy' },
            rp: { type: 'string', description: 'the policy' },
            retentionRules: {
              type: 'array',
              items: { type: 'object', properties: { everySeconds: { type: 'number' } } },
            },
          },
        },
      },
      answers: {
        201: bucket,
        400: json('the body is no JSON object', 'InfluxV2Error'),
        422: json('the name is taken or wrong', 'InfluxV2Error'),
      },
    },
  },
  '/api/v2/buckets/:id': {
    get: { summary: 'one bucket', parameters: [id], answers: { 200: bucket, 404: notFound } },
    delete: { summary: 'drops a bucket with its rows', parameters: [id], answers: { 204: NO_CONTENT, 404: notFound } },
  },
  '/api/v2/orgs': {
    get: {
      parameters: [parameter('org', 'a name; each is the one organization'), parameter('orgID', 'an id')],
      answers: { 200: json('the one organization', 'Object') },
    },
  },
  '/api/v2/query': {
    post: {
      body: { 'application/vnd.flux': { type: 'string' }, 'application/json': { type: 'object' } },
      answers: { 403: json('always: Flux is not supported', 'InfluxV2Error') },
    },
  },
};
