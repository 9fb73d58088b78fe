/** Line protocol out: a database, or what match[] selects of it, as a stream. */
import { setImmediate } from 'node:timers/promises';
import { databaseNotFound } from '../../engine/retention-policy.ts';
import { instantFromMs } from '../../engine/time.ts';
import { EVERYTHING, type ExportRange, exportLines } from '../../query/export-lines.ts';
import { timeParameterMs } from '../parameters.ts';
import type { Route, RouteContext } from '../route.ts';
import { narrowSelectors } from '../selectors.ts';

function answer({ engine, database: name, parameters }: RouteContext): Response {
  const database = engine().database(name);
  if (database === undefined) throw databaseNotFound(name);
  const selectors = parameters.has('match[]') ? narrowSelectors(parameters) : null;
  const pieces = exportLines(database, selectors, rangeOf(parameters));
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      // Other requests go between two pieces.
      await setImmediate();
      const { done, value } = pieces.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    cancel() {
      pieces.return(undefined);
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/plain; charset=utf-8' } });
}

function rangeOf(parameters: URLSearchParams): ExportRange {
  const { from, to } = EVERYTHING;
  return {
    from: parameters.has('start') ? instantFromMs(timeParameterMs(parameters, 'start', 0)) : from,
    to: parameters.has('end') ? instantFromMs(timeParameterMs(parameters, 'end', 0)) : to,
  };
}

export const exportRoutes: readonly Route[] = [
  {
    methods: ['GET', 'POST'],
    path: '/api/v1/export',
    access: 'read',
    purpose: 'rows as line protocol (db, match[], start, end)',
    handle: answer,
  },
];
