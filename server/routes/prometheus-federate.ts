/** Federation: the newest samples of selected series, for another Prometheus to scrape. */
import { VarveError } from '../../errors/errors.ts';
import { federate } from '../../query/federation.ts';
import type { Route, RouteContext } from '../route.ts';
import { type MatcherSet, selectors } from '../selectors.ts';

function answer({ engine, database, parameters, config, request }: RouteContext): Response {
  const quoteNames = /escaping=allow-utf-8/.test(request.headers.get('accept') ?? '');
  let sets: MatcherSet[];
  try {
    sets = selectors(parameters);
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    return new Response(`${error.message}\n`, {
      status: 400,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
    });
  }
  const text = federate(engine().database(database), sets, {
    nowMs: Date.now(),
    lookbackMs: config.lookbackMs,
    quoteNames,
  });
  const escaping = quoteNames ? 'allow-utf-8' : 'underscores';
  const version = quoteNames ? '1.0.0' : '0.0.4';
  return new Response(text, {
    headers: { 'content-type': `text/plain; version=${version}; charset=utf-8; escaping=${escaping}` },
  });
}

export const prometheusFederateRoutes: readonly Route[] = [
  {
    methods: ['GET'],
    path: '/federate',
    access: 'read',
    purpose: 'the newest samples of series that match[] selects, as text to be scraped',
    handle: answer,
  },
];
