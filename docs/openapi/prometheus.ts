/** Prometheus' API. */
import { json, NO_CONTENT, type Operation, type OperationTable, parameter, success, text } from './operation.ts';

const TIME = 'Unix seconds with fraction, or RFC 3339';
const DURATION = 'seconds with fraction, or as in 5m';

const query = parameter('query', 'PromQL', { required: true, example: 'cpu_load' });
const limit = parameter('limit', 'series or items to return at most; 0 is all', {
  schema: { type: 'integer', minimum: 0 },
});
const start = parameter('start', `from: ${TIME}`);
const end = parameter('end', `to: ${TIME}`);
const match = parameter('match[]', 'selectors of series, any of which may match', { isList: true });
const neededMatch = { ...match, required: true, example: 'cpu_load' };

const ARROW = 'application/vnd.apache.arrow.stream';
const BINARY = { type: 'string', contentEncoding: 'binary' };

const badData = json('a parameter is wrong (`bad_data`)', 'PrometheusError');

const evaluation = {
  takesForm: true,
  takesDatabase: true,
  answers: {
    200: {
      description: 'the result; Arrow is described in docs/arrow.md',
      content: { ...success('', 'QueryData').content, [ARROW]: BINARY },
    },
    400: badData,
    422: json('the expression cannot be evaluated (`execution`), or is over a limit', 'PrometheusError'),
    429: json('too many queries', 'PrometheusError'),
    499: json('the query was killed (`canceled`)', 'PrometheusError'),
  },
} as const;

const evaluationParameters = [
  parameter('timeout', `longest evaluation: ${DURATION}`),
  limit,
  parameter('lookback_delta', `how far back an instant selector looks: ${DURATION}`),
  parameter('stats', 'anything but nothing: figures of the query'),
  parameter('trace', '1: where the time went', { schema: { enum: ['1'] } }),
];

const listing = { takesForm: true, takesDatabase: true } as const;

/** What only `--enable-admin-api` allows. */
function guarded(operation: Operation): Operation {
  const off = json('without --enable-admin-api, or the data is not open yet', 'PrometheusError');
  return { ...operation, takesForm: true, answers: { ...operation.answers, 503: off } };
}

const refused = (status: 400 | 415 | 413 | 429): string =>
  ({
    400: 'some of it never will be stored; the rest was',
    413: 'too large',
    415: 'not a known message',
    429: 'over a limit',
  })[status];

export const PROMETHEUS_OPERATIONS: OperationTable = {
  '/api/v1/query': {
    all: {
      ...evaluation,
      parameters: [query, parameter('time', `${TIME}; now unless given`), ...evaluationParameters],
    },
  },
  '/api/v1/query_range': {
    all: {
      ...evaluation,
      parameters: [
        query,
        { ...start, required: true, example: '1700000000' },
        { ...end, required: true, example: '1700000060' },
        parameter('step', `between two steps: ${DURATION}`, { required: true, example: '15s' }),
        ...evaluationParameters,
      ],
    },
  },
  '/api/v1/query_exemplars': {
    all: {
      ...listing,
      parameters: [query, start, end],
      answers: {
        200: success('exemplars by series', { type: 'array', items: { type: 'object' } }),
        204: { description: 'the expression selects no series' },
        400: badData,
      },
    },
  },
  '/api/v1/format_query': {
    all: {
      takesForm: true,
      parameters: [query],
      answers: { 200: success('laid out', { type: 'string' }), 400: badData },
    },
  },
  '/api/v1/parse_query': {
    all: { takesForm: true, parameters: [query], answers: { 200: success('the syntax tree', 'Object'), 400: badData } },
  },
  '/api/v1/series': {
    all: {
      ...listing,
      parameters: [neededMatch, start, end, limit],
      answers: { 200: success('label sets', 'LabelSets'), 400: badData },
    },
  },
  '/api/v1/labels': {
    all: {
      ...listing,
      parameters: [match, start, end, limit],
      answers: { 200: success('names', 'Strings'), 400: badData },
    },
  },
  '/api/v1/label/:name/values': {
    get: {
      takesDatabase: true,
      parameters: [parameter('name', 'the label; __name__ for metrics', { example: 'host' }), match, start, end, limit],
      answers: { 200: success('values', 'Strings'), 400: badData },
    },
  },
  '/api/v1/metadata': {
    get: {
      takesDatabase: true,
      parameters: [
        parameter('metric', 'one metric; all unless given'),
        limit,
        parameter('limit_per_metric', 'is checked; there is one entry per metric', { schema: { type: 'integer' } }),
      ],
      answers: { 200: success('by metric', 'Object'), 400: badData },
    },
  },
  '/api/v1/targets': {
    get: {
      parameters: [parameter('state', 'active, dropped or any')],
      answers: { 200: success('none: nothing is scraped', 'Object') },
    },
  },
  '/api/v1/targets/metadata': {
    get: {
      parameters: [
        parameter('match_target', 'a selector; is checked'),
        parameter('metric', 'means nothing here'),
        parameter('limit', 'is checked', { schema: { type: 'integer' } }),
      ],
      answers: { 200: success('none', { type: 'array' }), 400: badData },
    },
  },
  '/api/v1/scrape_pools': { get: { answers: { 200: success('none', 'Object') } } },
  '/api/v1/alertmanagers': { get: { answers: { 200: success('where alerts are sent', 'Object') } } },
  '/api/v1/rules': {
    get: {
      parameters: [
        parameter('type', 'only rules of this type', { schema: { enum: ['alert', 'record'] } }),
        parameter('rule_name[]', 'only these rules', { isList: true }),
        parameter('rule_group[]', 'only these groups', { isList: true }),
        parameter('file[]', 'only groups of these files', { isList: true }),
        parameter('match[]', 'only rules whose labels match any of these selectors', { isList: true }),
        parameter('exclude_alerts', 'leave the alerts of alerting rules out', { schema: { type: 'boolean' } }),
        parameter('group_limit', 'groups to return at most', { schema: { type: 'integer', minimum: 1 } }),
        parameter('group_next_token', 'where the answer before ended'),
      ],
      answers: { 200: success('groups of rules', 'Object'), 400: badData },
    },
  },
  '/api/v1/alerts': { get: { answers: { 200: success('active alerts', 'Object') } } },
  '/-/reload': {
    post: {
      answers: {
        200: { description: 'the rule files were read' },
        500: text('they are wrong; those from before stay'),
      },
    },
  },
  '/federate': {
    get: {
      takesDatabase: true,
      parameters: [match],
      answers: { 200: text("the newest samples in Prometheus' text format"), 400: text('a selector is wrong') },
    },
  },
  '/api/v1/status/buildinfo': { get: { answers: { 200: success('the version of the API', 'Object') } } },
  '/api/v1/status/runtimeinfo': { get: { answers: { 200: success('of the process', 'Object') } } },
  '/api/v1/status/flags': { get: { answers: { 200: success('settings by name', 'Object') } } },
  '/api/v1/status/config': { get: { answers: { 200: success('`yaml`: settings', 'Object') } } },
  '/api/v1/status/walreplay': { get: { answers: { 200: success('`current` and `max`', 'Object') } } },
  '/api/v1/status/tsdb': {
    get: {
      takesDatabase: true,
      parameters: [
        parameter('limit', 'entries of each list; 10 unless given', { schema: { type: 'integer', minimum: 1 } }),
      ],
      answers: { 200: success('where the series are', 'Object'), 400: badData },
    },
  },
  '/api/v1/admin/tsdb/delete_series': {
    all: guarded({
      description: 'Rows go whole: a field is refused that shares its rows with others that are not selected.',
      takesDatabase: true,
      parameters: [neededMatch, start, end],
      answers: { 204: NO_CONTENT, 400: badData },
    }),
  },
  '/api/v1/admin/tsdb/clean_tombstones': { all: guarded({ answers: { 204: NO_CONTENT } }) },
  '/api/v1/admin/tsdb/snapshot': {
    all: guarded({
      parameters: [parameter('skip_head', 'leave out what is in memory only', { schema: { type: 'boolean' } })],
      answers: { 200: success('`name` of the directory in DATA/snapshots', 'Object'), 400: badData },
    }),
  },
  '/api/v1/write': {
    post: {
      takesDatabase: true,
      description: 'Content-Type names the message: 1.0 unless it has `;proto=io.prometheus.write.v2.Request`.',
      body: { 'application/x-protobuf': BINARY },
      answers: {
        204: { description: 'all was stored, durably' },
        400: json(refused(400), 'InfluxError'),
        413: json(refused(413), 'InfluxError'),
        415: json(refused(415), 'InfluxError'),
        429: json(refused(429), 'InfluxError'),
      },
    },
  },
  '/api/v1/read': {
    post: {
      takesDatabase: true,
      body: { 'application/x-protobuf': BINARY },
      answers: {
        200: {
          description: 'samples, or streamed chunks',
          content: { 'application/x-protobuf': BINARY, 'application/x-streamed-protobuf': BINARY },
        },
        400: badData,
      },
    },
  },
};
