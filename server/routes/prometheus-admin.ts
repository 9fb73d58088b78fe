/**
 * Deleting series, freeing what was deleted, and snapshots. Off unless `--enable-admin-api` is given, as in Prometheus:
 * whoever reaches the port could delete data.
 */
import type { Database } from '../../engine/database.ts';
import type { Engine } from '../../engine/engine.ts';
import { companion } from '../../engine/internal-database.ts';
import { takeSnapshot } from '../../engine/snapshot.ts';
import { instantFromMs, MAX_INSTANT, MIN_INSTANT } from '../../engine/time.ts';
import { VarveError } from '../../errors/errors.ts';
import { refsToDelete, sameSeriesIn } from '../../query/deletion.ts';
import { invalidParameter, timeParameterMs, withParameter } from '../parameters.ts';
import { success } from '../prometheus-response.ts';
import type { Method, Route, RouteContext } from '../route.ts';
import { selectors } from '../selectors.ts';

const METHODS: readonly Method[] = ['POST', 'PUT'];

/** The handler, or the refusal while the administration is off; in Prometheus' words unless given. */
export function guarded(
  handle: (context: RouteContext) => Promise<Response>,
  error = 'admin APIs disabled',
): Route['handle'] {
  return (context) => {
    if (context.config.adminApi) return handle(context);
    return Response.json({ status: 'error', errorType: 'unavailable', error }, { status: 503 });
  };
}

async function deleteSeries({ engine, database: name, parameters }: RouteContext): Promise<Response> {
  if (!parameters.has('match[]')) throw new VarveError('bad_request', 'no match[] parameter provided');
  const startMs = timeParameterMs(parameters, 'start', -Infinity);
  const endMs = timeParameterMs(parameters, 'end', Infinity);
  const matcherSets = withParameter('match[]', () => selectors(parameters));
  const opened = engine();
  const database = opened.database(name);
  if (database !== undefined && endMs >= startMs) {
    const select = () => refsToDelete(database, matcherSets);
    const starts = companion(opened, name, 'starts');
    // First, for they go by the series of the samples, which may leave the index when those are gone.
    if (starts !== undefined) {
      await deleteRows(opened, starts, () => sameSeriesIn(database, select(), starts), startMs, endMs);
    }
    await deleteRows(opened, database, select, startMs, endMs);
  }
  return new Response(null, { status: 204 });
}

async function deleteRows(
  engine: Engine,
  database: Database,
  select: () => Int32Array,
  startMs: number,
  endMs: number,
): Promise<void> {
  const from = startMs === -Infinity ? MIN_INSTANT : instantFromMs(startMs);
  let to = MAX_INSTANT;
  if (endMs !== Infinity) {
    // The last ms counts whole.
    const { sec, nano } = instantFromMs(Math.floor(endMs));
    to = { sec, nano: Math.min(nano + 999_999, 999_999_999) };
  }
  await engine.deleteRows(database, select, from, to);
}

async function cleanTombstones({ engine }: RouteContext): Promise<Response> {
  await engine().maintenance.run();
  return new Response(null, { status: 204 });
}

async function snapshot({ engine, parameters }: RouteContext): Promise<Response> {
  const text = parameters.get('skip_head') ?? '';
  if (!/^(?:|1|t|true|0|f|false)$/i.test(text)) {
    throw invalidParameter(
      'skip_head',
      `unable to parse boolean: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  }
  const name = await takeSnapshot(engine(), { skipMemory: /^(?:1|t|true)$/i.test(text) });
  return success({ name });
}

export const prometheusAdminRoutes: readonly Route[] = [
  {
    methods: METHODS,
    path: '/api/v1/admin/tsdb/delete_series',
    access: 'write',
    purpose: 'delete series (match[], start, end); needs --enable-admin-api',
    handle: guarded(deleteSeries),
  },
  {
    methods: METHODS,
    path: '/api/v1/admin/tsdb/clean_tombstones',
    access: 'admin',
    purpose: 'free the space of what was deleted; needs --enable-admin-api',
    handle: guarded(cleanTombstones),
  },
  {
    methods: METHODS,
    path: '/api/v1/admin/tsdb/snapshot',
    access: 'admin',
    purpose: 'snapshot of all data into DATA/snapshots; needs --enable-admin-api',
    handle: guarded(snapshot),
  },
];
