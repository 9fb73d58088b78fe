/** Settings and storage as Prometheus' status pages show them. */
import { stringify } from 'yaml';
import { VarveError } from '../../errors/errors.ts';
import { partitionStatistics } from '../../query/partition-statistics.ts';
import { storageStatistics } from '../../query/storage-statistics.ts';
import { success } from '../prometheus-response.ts';
import type { Route, RouteContext } from '../route.ts';

const DEFAULT_ENTRIES = 10;

function statistics({ engine, database, parameters }: RouteContext): Response {
  const text = parameters.get('limit') ?? '';
  const limit = text === '' ? DEFAULT_ENTRIES : Number(text);
  if (!Number.isInteger(limit) || limit < 1) throw new VarveError('bad_request', 'limit must be a positive number');
  return success(storageStatistics(engine().database(database), limit));
}

export const storageStatusRoutes: readonly Route[] = [
  {
    methods: ['GET'],
    path: '/api/v1/status/tsdb',
    access: 'read',
    purpose: 'where the series of a database are (limit)',
    handle: statistics,
  },
  {
    methods: ['GET'],
    path: '/api/v1/status/partitions',
    access: 'read',
    purpose: 'partitions of a database, with their sizes',
    handle: ({ engine, database }) => success(partitionStatistics(engine().database(database))),
  },
  {
    methods: ['GET'],
    path: '/api/v1/status/flags',
    access: 'admin',
    purpose: 'settings of the command line',
    handle: ({ config }) => success(config.flags),
  },
  {
    methods: ['GET'],
    path: '/api/v1/status/config',
    access: 'admin',
    purpose: 'settings as YAML',
    handle: ({ config }) => success({ yaml: stringify(config.flags) }),
  },
  {
    methods: ['GET'],
    path: '/api/v1/status/walreplay',
    access: 'public',
    purpose: 'progress of the recovery',
    handle: ({ ready }) => success({ min: 0, max: ready() ? 0 : 1, current: 0 }),
  },
];
