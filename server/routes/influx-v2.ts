/**
 * What clients of InfluxDB 2.x ask for around writing: buckets, which are databases and their retention policies
 * (`database/policy`, or `database` alone for the default one), one organization, and an answer to Flux that says what to
 * use instead.
 */
import { createHash } from 'node:crypto';
import { type Rights, sees } from '../../access/rights.ts';
import type { Engine } from '../../engine/engine.ts';
import { isValidName, type RetentionPolicy } from '../../engine/retention-policy.ts';
import { VarveError } from '../../errors/errors.ts';
import { requestIdHeaders, versionHeaders } from '../influx/influx-headers.ts';
import { v2Failure } from '../influx/v2-failure.ts';
import { asKnownError } from '../known-error.ts';
import { FORM_LIMIT_BYTES, readAtMost } from '../request-body.ts';
import type { Route, RouteContext } from '../route.ts';

const ORGANIZATION = 'varve';
const NEVER = '1970-01-01T00:00:00Z';
const MOST_BUCKETS = 100;

interface Bucket {
  readonly name: string;
  readonly database: string;
  readonly policy: RetentionPolicy;
}

/** Clients take an id of 16 hexadecimal digits to be one; names have to serve, so it is made of them. */
function idOf(kind: string, name: string): string {
  return createHash('sha256').update(`${kind}\n${name}`).digest('hex').slice(0, 16);
}

const ORGANIZATION_ID = idOf('organization', ORGANIZATION);

function bucketsOf(engine: Engine, rights: Rights): Bucket[] {
  const seen = engine.databases().filter((database) => sees(rights, database));
  return seen.flatMap((database) =>
    engine.retentionPolicies(database).map((policy) => ({
      name: policy.isDefault ? database : `${database}/${policy.name}`,
      database,
      policy,
    })),
  );
}

function described({ name, policy }: Bucket): object {
  const everySeconds = policy.retentionMs / 1000;
  const id = idOf('bucket', name);
  return {
    id,
    orgID: ORGANIZATION_ID,
    type: 'user',
    name,
    rp: policy.name,
    retentionRules:
      everySeconds === 0
        ? []
        : [{ type: 'expire', everySeconds, shardGroupDurationSeconds: policy.shardDurationMs / 1000 }],
    createdAt: NEVER,
    updatedAt: NEVER,
    labels: [],
    links: {
      self: `/api/v2/buckets/${id}`,
      org: `/api/v2/orgs/${ORGANIZATION_ID}`,
      write: `/api/v2/write?org=${ORGANIZATION_ID}&bucket=${id}`,
    },
  };
}

function organization(): object {
  const links = { self: `/api/v2/orgs/${ORGANIZATION_ID}`, buckets: `/api/v2/buckets?org=${ORGANIZATION}` };
  return {
    id: ORGANIZATION_ID,
    name: ORGANIZATION,
    description: '',
    createdAt: NEVER,
    updatedAt: NEVER,
    links,
  };
}

function listBuckets({ engine, caller, parameters }: RouteContext): Response {
  const name = parameters.get('name');
  const id = parameters.get('id');
  const offset = pageParameter(parameters, 'offset', 0);
  const limit = Math.min(MOST_BUCKETS, pageParameter(parameters, 'limit', 20));
  const found = bucketsOf(engine(), caller.rights).filter(
    (bucket) => (name === null || bucket.name === name) && (id === null || idOf('bucket', bucket.name) === id),
  );
  if (found.length === 0 && (name !== null || id !== null)) {
    throw new VarveError('not_found', `bucket "${name ?? id}" not found`);
  }
  const after = parameters.get('after');
  const start = after === null ? offset : found.findIndex((bucket) => idOf('bucket', bucket.name) === after) + 1;
  const buckets = found.slice(start, start + limit).map(described);
  return Response.json({ links: { self: '/api/v2/buckets' }, buckets });
}

function pageParameter(parameters: URLSearchParams, name: string, fallback: number): number {
  const text = parameters.get(name) ?? '';
  if (text === '') return fallback;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new VarveError('bad_request', `invalid ${name} "${text}"`);
}

interface NewBucket {
  readonly name?: unknown;
  readonly rp?: unknown;
  readonly retentionRules?: unknown;
}

async function createBucket({ engine, caller, request }: RouteContext): Promise<Response> {
  const body = await jsonBody<NewBucket>(request);
  const name = typeof body.name === 'string' ? body.name : '';
  if (name === '') throw new VarveError('unprocessable', 'bucket name is required');
  const [database, policyInName = '', ...rest] = name.split('/');
  if (rest.length > 0 || !isValidName(database)) throw new VarveError('unprocessable', `invalid bucket name ${name}`);
  const policy = policyInName || (typeof body.rp === 'string' ? body.rp : '');
  const rules = Array.isArray(body.retentionRules) ? (body.retentionRules as { everySeconds?: unknown }[]) : [];
  const everySeconds = rules.length > 0 ? Number(rules[0].everySeconds) : 0;
  if (!Number.isFinite(everySeconds) || everySeconds < 0) {
    throw new VarveError('unprocessable', 'everySeconds of a retention rule must be a number of seconds');
  }
  const opened = engine();
  if (bucketsOf(opened, caller.rights).some((bucket) => bucket.name === name)) {
    throw new VarveError('unprocessable', `bucket with name ${name} already exists`);
  }
  const retentionMs = everySeconds * 1000;
  if (!opened.hasDatabase(database)) {
    const first = policy === '' ? {} : { policy: { name: policy, retentionMs } };
    opened.createDatabase(database, first);
    if (policy === '' && retentionMs > 0) opened.alterDatabase(database, { retentionMs });
  } else opened.createRetentionPolicy(database, policy, { retentionMs });
  const made = bucketsOf(opened, caller.rights).find(
    (bucket) =>
      bucket.database === database && (policy === '' ? bucket.policy.isDefault : bucket.policy.name === policy),
  )!;
  return Response.json(described(made), { status: 201 });
}

async function jsonBody<T>(request: Request): Promise<T> {
  const text = Buffer.from(await readAtMost(request, FORM_LIMIT_BYTES)).toString();
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null) return body as T;
  } catch {
    // Said below.
  }
  throw new VarveError('bad_request', 'cannot read body: it is not a JSON object');
}

function bucketOfPath({ engine, caller, pathParameter }: RouteContext): Bucket {
  const id = pathParameter('id');
  const found = bucketsOf(engine(), caller.rights).find((bucket) => idOf('bucket', bucket.name) === id);
  if (found === undefined) throw new VarveError('not_found', 'bucket not found');
  return found;
}

async function oneBucket(context: RouteContext): Promise<Response> {
  const bucket = bucketOfPath(context);
  if (context.request.method !== 'DELETE') return Response.json(described(bucket));
  const engine = context.engine();
  if (engine.retentionPolicies(bucket.database).length === 1) await engine.dropDatabase(bucket.database);
  else await engine.dropRetentionPolicy(bucket.database, bucket.policy.name);
  return new Response(null, { status: 204 });
}

function listOrganizations({ parameters }: RouteContext): Response {
  const name = parameters.get('org') ?? ORGANIZATION;
  const id = parameters.get('orgID') ?? ORGANIZATION_ID;
  // Writing takes any organization, so each one that is asked for by name exists; there is one all the same.
  const orgs = id === ORGANIZATION_ID ? [{ ...organization(), name }] : [];
  return Response.json({ links: { self: '/api/v2/orgs' }, orgs });
}

function refuseFlux(): Response {
  throw new VarveError(
    'forbidden',
    'Flux is not supported: query with InfluxQL at /query, or with PromQL at /api/v1/query and /api/v1/query_range',
  );
}

/** A handler with the headers and the errors of 2.x. */
function v2(handle: (context: RouteContext) => Response | Promise<Response>): Route['handle'] {
  return async (context) => {
    const { config, request } = context;
    let answer: Response;
    try {
      answer = await handle(context);
    } catch (error) {
      const known = asKnownError(error, config.log);
      const headers = { 'content-type': 'application/json' };
      answer = new Response(v2Failure(known), { status: known.status, headers });
      if (known.retryable) answer.headers.set('retry-after', '1');
    }
    const headers = { ...versionHeaders(config.version), ...requestIdHeaders((name) => request.headers.get(name)) };
    for (const [name, value] of Object.entries(headers)) answer.headers.set(name, value);
    return answer;
  };
}

export const influxV2Routes: readonly Route[] = [
  {
    methods: ['GET', 'POST'],
    path: '/api/v2/buckets',
    access: { GET: 'known', POST: 'admin' },
    purpose: 'databases and retention policies as buckets of InfluxDB 2.x (name, id, limit, offset)',
    handle: v2((context) => (context.request.method === 'POST' ? createBucket(context) : listBuckets(context))),
  },
  {
    methods: ['GET', 'DELETE'],
    path: '/api/v2/buckets/:id',
    access: { GET: 'known', DELETE: 'admin' },
    purpose: 'one bucket; DELETE drops it',
    handle: v2(oneBucket),
  },
  {
    methods: ['GET'],
    path: '/api/v2/orgs',
    access: 'known',
    purpose: 'the one organization',
    handle: v2(listOrganizations),
  },
  {
    methods: ['POST'],
    path: '/api/v2/query',
    access: 'known',
    purpose: 'Flux, which is refused',
    handle: v2(refuseFlux),
  },
];
