/** The queries that run now, and a way to end one. */
import { VarveError } from '../../errors/errors.ts';
import { success } from '../prometheus-response.ts';
import type { Route, RouteContext } from '../route.ts';

function listQueries({ queries, caller }: RouteContext): Response {
  const nowMs = Date.now();
  return success(
    queries.listFor(caller.rights).map(({ id, query, database, path, startMs, running }) => ({
      id,
      query,
      database,
      path,
      state: running ? 'running' : 'waiting',
      start: new Date(startMs).toISOString(),
      durationSeconds: (nowMs - startMs) / 1000,
    })),
  );
}

function killQuery({ queries, caller, pathParameter }: RouteContext): Response {
  const id = pathParameter('id');
  const isSeen = queries.listFor(caller.rights).some((query) => query.id === id);
  if (!isSeen || !queries.kill(id))
    throw new VarveError('not_found', `cannot kill query ${id}: it has ended, or never was`);
  return success({ id });
}

export const activeQueryRoutes: readonly Route[] = [
  {
    methods: ['GET'],
    path: '/api/v1/status/active_queries',
    access: 'known',
    purpose: 'PromQL queries that wait or run now',
    handle: listQueries,
  },
  {
    methods: ['DELETE'],
    path: '/api/v1/status/active_queries/:id',
    access: 'known',
    purpose: 'ends a PromQL query',
    handle: killQuery,
  },
];
