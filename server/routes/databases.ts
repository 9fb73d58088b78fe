/** The databases of the server: what there is, and how long each keeps its data. */
import { parseDurationMs } from '../../clock/duration.ts';
import type { Database } from '../../engine/database.ts';
import type { Engine } from '../../engine/engine.ts';
import { invalidParameter } from '../parameters.ts';
import { success } from '../prometheus-response.ts';
import type { Route, RouteContext } from '../route.ts';
import { guarded } from './prometheus-admin.ts';

function describe(engine: Engine, database: Database) {
  const files = [...database.manifest.files.values()];
  return {
    name: database.name,
    /** Age at which partitions are dropped; 0 is never. */
    retentionMs: engine.retentionMs(database),
    /** Whether that is the server's `--retention`, rather than the database's own. */
    retentionIsDefault: database.settings.retentionMs === null,
    partitionDurationSec: database.settings.partitionDurationSec,
    series: database.index.seriesCount,
    files: files.length,
    fileBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    memtableBytes: database.memtableBytes,
  };
}

function listDatabases({ engine }: RouteContext): Response {
  const opened = engine();
  return success(opened.databases().map((name) => describe(opened, opened.database(name)!)));
}

async function setRetention({ engine, database, parameters }: RouteContext): Promise<Response> {
  const opened = engine();
  opened.alterDatabase(database, { retentionMs: retentionParameter(parameters) });
  return success(describe(opened, opened.database(database)!));
}

/** In ms; 0 keeps data for ever, null goes by the server's setting. */
function retentionParameter(parameters: URLSearchParams): number | null {
  const text = parameters.get('retention') ?? '';
  if (text === 'default') return null;
  const ms = text === 'forever' ? 0 : parseDurationMs(text);
  if (ms === null) throw invalidParameter('retention', 'give a duration such as 30d or 12h, forever, or default');
  return ms;
}

export const databaseRoutes: readonly Route[] = [
  {
    methods: ['GET'],
    path: '/api/v1/databases',
    purpose: 'the databases: retention, series, files, bytes',
    handle: listDatabases,
  },
  {
    methods: ['POST', 'PUT'],
    path: '/api/v1/admin/databases/retention',
    purpose: 'how long a database keeps data (db, retention: 30d, forever, default); needs --enable-admin-api',
    handle: guarded(setRetention),
  },
];
