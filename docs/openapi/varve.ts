/** What is Varve's own. */
import { json, NO_CONTENT, type OperationTable, parameter, success, text } from './operation.ts';

const badData = json('a parameter is wrong', 'PrometheusError');
const notFound = json('there is none', 'PrometheusError');
const exists = json('a parameter is wrong, or it exists', 'PrometheusError');
const guardedOff = json('without --enable-admin-api, or the data is not open yet', 'PrometheusError');

const database = parameter('name', 'of the database', { example: 'default' });
const userName = parameter('name', 'of the user', { example: 'nobody' });

const limit = (name: string, what: string) =>
  parameter(name, `${what}: a number, or default for the server's`, { schema: { type: ['integer', 'string'] } });

const databaseSettings = [
  parameter('retention', 'age at which partitions are dropped: 30d, forever, default'),
  parameter('partition-duration', 'time range of a partition: 1s to 90d; fixed once there are rows'),
  parameter('size-cap', 'bytes of files beyond which the oldest partitions go: 20GiB, none'),
  limit('max-series', 'series at once'),
  limit('max-new-series-per-sec', 'new series per second'),
  limit('max-tags-per-series', 'tags of a series'),
  limit('max-tag-value-bytes', 'bytes of a tag value'),
];

const oneDatabase = success('the database', 'Database');
const altered = {
  summary: 'changes the settings of a database; those not given stay',
  takesForm: true,
  parameters: [database, ...databaseSettings],
  answers: { 200: oneDatabase, 400: badData, 404: notFound, 503: guardedOff },
};

const admin = parameter('admin', 'whether they administer the server', { schema: { type: 'boolean' } });
const password = parameter('password', 'in the body only: URLs are written to logs');
const oneUser = success('the user', 'User');
const changedUser = {
  summary: 'changes the password or the admin right of a user',
  takesForm: true,
  parameters: [userName, password, admin],
  answers: { 200: oneUser, 400: badData, 404: notFound },
};

const grant = {
  summary: 'grants a privilege on a database',
  takesForm: true,
  parameters: [
    userName,
    parameter('database', 'the database', { example: 'default' }),
    parameter('privilege', 'what is granted or revoked', { schema: { enum: ['read', 'write', 'all'] } }),
  ],
  answers: { 200: oneUser, 400: badData, 404: notFound },
};

const tokenDatabases = (privilege: string) => parameter(privilege, `databases to ${privilege}`, { isList: true });

export const VARVE_OPERATIONS: OperationTable = {
  '/': { get: { answers: { 200: text('the page', 'text/html') } } },
  '/icon.svg': {
    get: { answers: { 200: text('the icon', 'image/svg+xml'), 404: json('the page is not built', 'InfluxError') } },
  },
  '/ui/:file': {
    get: {
      parameters: [parameter('file', 'name of a file of the page', { example: 'none.js' })],
      answers: {
        200: {
          description: 'the file',
          content: { 'text/javascript': { type: 'string' }, 'text/css': { type: 'string' } },
        },
        404: json('there is none', 'InfluxError'),
      },
    },
  },
  '/health': {
    get: {
      answers: {
        200: json('the process lives; `message` says whether it is ready', {
          type: 'object',
          required: ['status', 'message', 'version'],
          properties: { status: { const: 'pass' }, message: { type: 'string' }, version: { type: 'string' } },
        }),
      },
    },
  },
  '/-/healthy': { get: { answers: { 200: text('the process lives') } } },
  '/-/ready': {
    get: { answers: { 200: text('writes and reads are served'), 503: text('they are not, and why') } },
  },
  '/metrics': { get: { answers: { 200: text("the server's own metrics in Prometheus' text format") } } },
  '/api/v1/databases': {
    get: {
      summary: 'the databases that the asker may see',
      answers: { 200: success('databases', { type: 'array', items: { $ref: '#/components/schemas/Database' } }) },
    },
    post: {
      summary: 'makes a database',
      takesForm: true,
      parameters: [parameter('name', 'of the database', { required: true, example: 'made' }), ...databaseSettings],
      answers: { 200: oneDatabase, 400: exists },
    },
  },
  '/api/v1/databases/:name': {
    get: { summary: 'describes a database', parameters: [database], answers: { 200: oneDatabase, 404: notFound } },
    put: altered,
    post: { ...altered, summary: 'as PUT' },
    delete: {
      summary: 'drops a database with all its data',
      parameters: [database],
      answers: { 204: NO_CONTENT, 404: notFound, 503: guardedOff },
    },
  },
  '/api/v1/status/partitions': {
    get: {
      takesDatabase: true,
      answers: { 200: success('partitions', { type: ['array', 'object'] }) },
    },
  },
  '/api/v1/status/active_queries': {
    get: { answers: { 200: success('queries, oldest first', { type: 'array', items: { type: 'object' } }) } },
  },
  '/api/v1/status/active_queries/:id': {
    delete: {
      parameters: [parameter('id', 'of the query', { example: '0' })],
      answers: { 200: success('it is told to end', 'Object'), 404: notFound },
    },
  },
  '/api/v1/export': {
    all: {
      takesForm: true,
      takesDatabase: true,
      parameters: [
        parameter('match[]', 'selectors of series, any of which may match; all unless given', { isList: true }),
        parameter('start', 'from: Unix seconds with fraction, or RFC 3339'),
        parameter('end', 'to'),
      ],
      answers: { 200: text('line protocol, streamed'), 400: badData, 404: notFound },
    },
  },
  '/api/v1/whoami': { get: { answers: { 200: success('`kind`, `name`, `admin`, `grants`', 'Object') } } },
  '/api/v1/users': {
    get: {
      summary: 'the users',
      answers: { 200: success('users', { type: 'array', items: { $ref: '#/components/schemas/User' } }) },
    },
    post: {
      summary: 'makes a user; the first administrator may be made by anybody',
      takesForm: true,
      parameters: [parameter('name', 'of the user', { example: 'ada' }), password, admin],
      answers: { 200: oneUser, 400: exists },
    },
  },
  '/api/v1/users/:name': {
    get: { summary: 'describes a user', parameters: [userName], answers: { 200: oneUser, 404: notFound } },
    put: changedUser,
    post: { ...changedUser, summary: 'as PUT' },
    delete: { summary: 'drops a user', parameters: [userName], answers: { 204: NO_CONTENT, 404: notFound } },
  },
  '/api/v1/users/:name/grants/:database': {
    put: grant,
    post: { ...grant, summary: 'as PUT' },
    delete: { ...grant, summary: 'revokes a privilege on a database; all unless given' },
  },
  '/api/v1/tokens': {
    get: {
      summary: 'the tokens, without their texts',
      answers: { 200: success('tokens', { type: 'array', items: { $ref: '#/components/schemas/Token' } }) },
    },
    post: {
      summary: 'makes a token, whose text is in this answer and never again',
      takesForm: true,
      parameters: [
        parameter('description', 'what it is for'),
        tokenDatabases('read'),
        tokenDatabases('write'),
        parameter('all', 'databases to read and write', { isList: true }),
        admin,
        parameter('expires', 'how long it is good: 90d, never'),
      ],
      answers: {
        200: success('the token, with its text', {
          allOf: [
            { $ref: '#/components/schemas/Token' },
            { type: 'object', required: ['token'], properties: { token: { type: 'string' } } },
          ],
        }),
        400: badData,
      },
    },
  },
  '/api/v1/tokens/:id': {
    delete: {
      parameters: [parameter('id', 'of the token', { example: '0' })],
      answers: { 204: NO_CONTENT, 404: notFound },
    },
  },
};
