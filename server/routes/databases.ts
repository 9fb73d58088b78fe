/** The databases of the server: what there is, making, changing and dropping them. */
import { sees } from '../../access/rights.ts';
import { parseDurationMs } from '../../clock/duration.ts';
import { type DatabaseLimits, type DatabaseSettings, NO_LIMITS } from '../../engine/catalog.ts';
import type { Engine } from '../../engine/engine.ts';
import { MAX_PARTITION_SEC } from '../../engine/options.ts';
import { databaseNotFound, isValidName, NAME_RULE } from '../../engine/retention-policy.ts';
import { VarveError } from '../../errors/errors.ts';
import { invalidParameter } from '../parameters.ts';
import { success } from '../prometheus-response.ts';
import type { Route, RouteContext } from '../route.ts';
import { guarded } from './prometheus-admin.ts';

const LIMITS = Object.keys(NO_LIMITS) as (keyof DatabaseLimits)[];

const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

function describe(engine: Engine, name: string) {
  const { sizeCapBytes = 0, limits = NO_LIMITS } = engine.settings(name);
  const policies = engine.retentionPolicies(name);
  const database = engine.database(name);
  const all = policies.map((policy) => policy.database);
  const sum = (read: (each: (typeof all)[number]) => number) => all.reduce((total, each) => total + read(each), 0);
  return {
    name,
    /** Age at which partitions of the default policy are dropped; 0 is never. */
    retentionMs: database === undefined ? 0 : engine.retentionMs(database),
    /** Whether that is the server's `--retention`, rather than the database's own. */
    retentionIsDefault: database?.settings.retentionMs === null,
    partitionDurationSec: database?.settings.partitionDurationSec ?? null,
    /** 0 is none. */
    sizeCapBytes,
    limits,
    retentionPolicies: policies.map((policy) => ({
      name: policy.name,
      retentionMs: policy.retentionMs,
      shardDurationMs: policy.shardDurationMs,
      partitionDurationSec: policy.database.partitionDurationSec,
      isDefault: policy.isDefault,
    })),
    series: sum((each) => each.index.seriesCount),
    files: sum((each) => each.manifest.files.size),
    fileBytes: sum((each) => {
      let bytes = 0;
      for (const { sizeBytes } of each.manifest.files.values()) bytes += sizeBytes;
      return bytes;
    }),
    memtableBytes: sum((each) => each.memtableBytes),
  };
}

function listDatabases({ engine, caller }: RouteContext): Response {
  const opened = engine();
  const seen = opened.databases().filter((name) => sees(caller.rights, name));
  return success(seen.map((name) => describe(opened, name)));
}

function createDatabase({ engine, parameters }: RouteContext): Response {
  const opened = engine();
  const name = parameters.get('name') ?? '';
  if (!isValidName(name)) throw invalidParameter('name', `give ${NAME_RULE}`);
  if (opened.hasDatabase(name)) throw new VarveError('bad_request', `cannot create database ${name}: it exists`);
  opened.createDatabase(name, { ...settingsOf(parameters), limits: { ...NO_LIMITS, ...limitsOf(parameters) } });
  return success(describe(opened, name));
}

function oneDatabase({ engine, pathParameter }: RouteContext): Response {
  return success(describe(engine(), pathParameter('name')));
}

async function alterDatabase({ engine, parameters, pathParameter }: RouteContext): Promise<Response> {
  const opened = engine();
  const name = pathParameter('name');
  const limits = { ...(opened.settings(name).limits ?? NO_LIMITS), ...limitsOf(parameters) };
  opened.alterDatabase(name, { ...settingsOf(parameters), limits });
  return success(describe(opened, name));
}

async function dropDatabase({ engine, pathParameter }: RouteContext): Promise<Response> {
  const name = pathParameter('name');
  if (!engine().hasDatabase(name)) throw databaseNotFound(name);
  await engine().dropDatabase(name);
  return new Response(null, { status: 204 });
}

/** The settings that a request gives; those that it does not are absent. */
function settingsOf(parameters: URLSearchParams): Partial<DatabaseSettings> {
  const settings: Partial<DatabaseSettings> = {};
  const retention = parameters.get('retention');
  if (retention !== null) settings.retentionMs = retentionOf(retention);
  const partition = parameters.get('partition-duration');
  if (partition !== null) settings.partitionDurationSec = partitionOf(partition);
  const cap = parameters.get('size-cap');
  if (cap !== null) settings.sizeCapBytes = sizeOf(cap);
  return settings;
}

/** As `settingsOf`. */
function limitsOf(parameters: URLSearchParams): Partial<DatabaseLimits> {
  return Object.fromEntries(
    LIMITS.filter((limit) => parameters.has(parameterOf(limit))).map((limit) => {
      const name = parameterOf(limit);
      return [limit, limitOf(name, parameters.get(name) as string)];
    }),
  );
}

/** `maxTagsPerSeries` is `max-tags-per-series` to whoever asks. */
function parameterOf(limit: string): string {
  return limit.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** In ms; 0 keeps data for ever, null goes by the server's setting. */
function retentionOf(text: string): number | null {
  if (text === 'default') return null;
  const ms = text === 'forever' ? 0 : parseDurationMs(text);
  if (ms === null) throw invalidParameter('retention', 'give a duration such as 30d or 12h, forever, or default');
  return ms;
}

function partitionOf(text: string): number {
  const sec = (parseDurationMs(text) ?? 0) / 1000;
  if (Number.isInteger(sec) && sec >= 1 && sec <= MAX_PARTITION_SEC) return sec;
  throw invalidParameter('partition-duration', 'give a duration of 1s to 90d, in whole seconds');
}

function sizeOf(text: string): number {
  if (text === 'none') return 0;
  const match = /^(\d+)(|KiB|MiB|GiB|TiB)$/.exec(text);
  const bytes = match === null ? Number.NaN : Number(match[1]) * SIZE_UNITS[match[2]];
  if (Number.isSafeInteger(bytes)) return bytes;
  throw invalidParameter('size-cap', 'give a size such as 500MiB, 20GiB or a number of bytes, or none');
}

function limitOf(name: string, text: string): number | null {
  if (text === 'default') return null;
  const limit = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(limit) && limit > 0) return limit;
  throw invalidParameter(name, 'give a whole number above 0, or default');
}

export const databaseRoutes: readonly Route[] = [
  {
    methods: ['GET', 'POST'],
    path: '/api/v1/databases',
    access: { GET: 'known', POST: 'admin' },
    purpose: 'GET lists the databases; POST makes one (name, retention, partition-duration, size-cap, limits)',
    handle: (context) => (context.request.method === 'POST' ? createDatabase(context) : listDatabases(context)),
  },
  {
    methods: ['GET', 'POST', 'PUT', 'DELETE'],
    path: '/api/v1/databases/:name',
    accessDatabase: ({ pathParameter }) => pathParameter('name'),
    access: { GET: 'read', POST: 'admin', PUT: 'admin', DELETE: 'admin' },
    purpose: 'GET describes a database; PUT changes its settings, DELETE drops it, both with --enable-admin-api',
    handle: (context) => {
      const { method } = context.request;
      if (method === 'GET' || method === 'HEAD') return oneDatabase(context);
      const [handle, verb] = method === 'DELETE' ? [dropDatabase, 'drop'] : [alterDatabase, 'change'];
      return guarded(handle, `cannot ${verb} database: the server needs --enable-admin-api for that`)(context);
    },
  },
];
