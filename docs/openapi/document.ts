/**
 * The OpenAPI document: the server's route tables say which paths and methods there are and what they need of who asks, the
 * tables beside this file what they take and answer. A route that is not described stops the document from being made.
 */
import { readFileSync } from 'node:fs';
import { ROUTES } from '../../server/app.ts';
import { type Access, accessOf } from '../../server/auth/route-access.ts';
import { RAW_ROUTES } from '../../server/raw-routes.ts';
import { INFLUX_OPERATIONS } from './influx.ts';
import type { Answer, Operation, Parameter, Schema } from './operation.ts';
import { PROMETHEUS_OPERATIONS } from './prometheus.ts';
import { SCHEMAS } from './schemas.ts';
import { VARVE_OPERATIONS } from './varve.ts';

type Json = Readonly<Record<string, unknown>>;

export interface DescribedOperation {
  /** As the route tables spell it. */
  readonly path: string;
  readonly method: string;
  readonly purpose: string;
  readonly access: Access;
  readonly tag: string;
  readonly operation: Operation;
}

const TABLES = [
  { tag: 'Prometheus', table: PROMETHEUS_OPERATIONS },
  { tag: 'InfluxDB', table: INFLUX_OPERATIONS },
  { tag: 'Varve', table: VARVE_OPERATIONS },
];

/** What an access asks for, in words. */
const RIGHTS: Readonly<Record<Access, string>> = {
  public: 'nothing',
  known: 'to be known; the answer shows what the asker may see',
  read: 'to read the database',
  write: 'to write to the database',
  admin: 'to administer the server',
  metrics: 'to read the database _internal, unless public-metrics is on',
  'first-admin': 'to administer the server, or that nobody does yet',
};

/** Every operation of the server. Throws when one is not described, or one is described that is not there. */
export function operations(): DescribedOperation[] {
  const routes = [...RAW_ROUTES.map((route) => ({ ...route, methods: ['POST'] as const })), ...ROUTES];
  const found: DescribedOperation[] = [];
  for (const { path, methods, purpose, access } of routes) {
    for (const method of methods) found.push(describe(path, method, purpose, accessOf(access, method)));
  }
  for (const { table } of TABLES) {
    for (const [path, described] of Object.entries(table)) {
      for (const method of Object.keys(described)) {
        const isThere = found.some((each) => each.path === path && (method === 'all' || each.method === method));
        if (!isThere) throw new Error(`docs/openapi describes ${method} ${path}, which the server does not have`);
      }
    }
  }
  return found;
}

function describe(path: string, upper: string, purpose: string, access: Access): DescribedOperation {
  const method = upper.toLowerCase() as 'get' | 'post' | 'put' | 'delete';
  for (const { tag, table } of TABLES) {
    const operation = table[path]?.[method] ?? table[path]?.all;
    if (operation !== undefined) return { path, method, purpose, access, tag, operation };
  }
  throw new Error(`docs/openapi does not describe ${upper} ${path}`);
}

export function openApiDocument(): Json {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const paths: Record<string, Record<string, Json>> = {};
  for (const described of operations()) {
    const path = described.path.replace(/:(\w+)/g, '{$1}');
    paths[path] ??= {};
    paths[path][described.method] = operationObject(described);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Varve',
      version,
      summary: 'A time-series database that speaks the HTTP APIs of Prometheus and InfluxDB',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [
      { url: 'http://127.0.0.1:8086' },
      {
        url: 'http://127.0.0.1:8086/db/{database}',
        description: 'Behind this prefix every path works on one database.',
        variables: { database: { default: 'default' } },
      },
    ],
    tags: TABLES.map(({ tag }) => ({ name: tag })),
    paths,
    components: {
      schemas: SCHEMAS,
      responses: sharedResponses(),
      securitySchemes: {
        basic: { type: 'http', scheme: 'basic' },
        bearer: { type: 'http', scheme: 'bearer' },
        token: {
          type: 'apiKey',
          in: 'header',
          name: 'Authorization',
          description: '`Token TEXT`, as InfluxDB 2.x has it',
        },
        user: { type: 'apiKey', in: 'query', name: 'u', description: 'as InfluxDB 1.x has it, with `p`' },
        password: { type: 'apiKey', in: 'query', name: 'p' },
      },
    },
  };
}

const SECURITY = [{}, { basic: [] }, { bearer: [] }, { token: [] }, { user: [], password: [] }];

function operationObject({ path, method, purpose, access, tag, operation }: DescribedOperation): Json {
  const inPath = new Set([...path.matchAll(/:(\w+)/g)].map((match) => match[1]));
  const parameters = [...(operation.parameters ?? []), ...(operation.takesDatabase ? databaseParameters : [])];
  const right = access === 'public' ? '' : `Needs the right ${RIGHTS[access]}.`;
  const description = [operation.description ?? '', right].filter((part) => part !== '').join(' ');
  const ofUrl = parameters.filter(({ name }) => name !== 'password');
  return {
    operationId: `${method}${path.replace(/[^A-Za-z0-9]+(\w?)/g, (_, next: string) => next.toUpperCase())}` || method,
    tags: [tag],
    summary: operation.summary ?? purpose,
    ...(description === '' ? {} : { description }),
    security: access === 'public' ? [] : SECURITY,
    ...(ofUrl.length === 0 ? {} : { parameters: ofUrl.map((each) => parameterObject(each, inPath.has(each.name))) }),
    ...requestBody(
      operation,
      parameters.filter(({ name }) => !inPath.has(name)),
      method,
    ),
    responses: responses(path, access, operation),
  };
}

const databaseParameters: readonly Parameter[] = [
  { name: 'db', description: 'the database, or database/policy; `default` unless given' },
  { name: 'rp', description: 'a retention policy of it; its default one unless given' },
];

function parameterObject({ name, description, schema, required, example, isList }: Parameter, isInPath: boolean): Json {
  const one = schema === undefined ? { type: 'string' } : schemaObject(schema);
  return {
    name,
    in: isInPath ? 'path' : 'query',
    description,
    ...(required || isInPath ? { required: true } : {}),
    schema: isList ? { type: 'array', items: one } : one,
    ...(example === undefined ? {} : { example: isList ? [example] : example }),
  };
}

function requestBody({ body, takesForm }: Operation, parameters: readonly Parameter[], method: string): Json {
  if (body !== undefined) return { requestBody: { required: true, content: contentObject(body) } };
  if (!takesForm || method === 'get' || method === 'delete' || parameters.length === 0) return {};
  const properties = parameters.map(({ name, description, schema, isList }) => {
    const one = schema === undefined ? { type: 'string' } : schemaObject(schema);
    return [name, { ...(isList ? { type: 'array', items: one } : one), description }];
  });
  const form = { type: 'object', properties: Object.fromEntries(properties) };
  return {
    requestBody: {
      description: 'The parameters may be a form, which wins over the URL.',
      content: { 'application/x-www-form-urlencoded': { schema: form } },
    },
  };
}

/** What every route answers that asks who one is. */
const COMMON: Readonly<Record<number, string>> = {
  401: 'credentials are missing or wrong',
  403: 'the asker may not do this',
  503: 'not now: the data is not open yet, or the server is stopping or over its limits; Retry-After says when',
};

const ERROR_SHAPES = ['PrometheusError', 'InfluxError', 'InfluxV2Error'] as const;

/** Answers that many operations share, by name: `InfluxError401`. */
function sharedResponses(): Json {
  return Object.fromEntries(
    ERROR_SHAPES.flatMap((shape) =>
      Object.entries(COMMON).map(([status, description]) => [
        `${shape}${status}`,
        { description, content: contentObject({ 'application/json': shape }) },
      ]),
    ),
  );
}

function errorShape(path: string): (typeof ERROR_SHAPES)[number] {
  if (path.startsWith('/api/v2/')) return 'InfluxV2Error';
  return path.startsWith('/api/v1/') && path !== '/api/v1/write' ? 'PrometheusError' : 'InfluxError';
}

function responses(path: string, access: Access, { answers }: Operation): Json {
  const shape = errorShape(path);
  const all: Record<string, Json> = {};
  if (access !== 'public') {
    for (const status of Object.keys(COMMON)) all[status] = { $ref: `#/components/responses/${shape}${status}` };
  }
  for (const [status, { description, content }] of Object.entries<Answer>(answers)) {
    all[status] = { description, ...(content === undefined ? {} : { content: contentObject(content) }) };
  }
  return all;
}

function contentObject(content: Readonly<Record<string, Schema>>): Json {
  return Object.fromEntries(Object.entries(content).map(([type, schema]) => [type, { schema: schemaObject(schema) }]));
}

function schemaObject(schema: Schema): Json {
  return typeof schema === 'string' ? { $ref: `#/components/schemas/${schema}` } : schema;
}
