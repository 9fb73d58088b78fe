/**
 * The server's own metrics, in Prometheus' text format by prom-client, in a registry of their own so that an embedding
 * program's metrics stay apart.
 *
 * Counters and histograms of requests are kept here as requests end. What the engine counts it keeps as plain numbers
 * (its hot paths touch no metric objects); they are read when somebody asks for /metrics.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Database } from '../engine/database.ts';
import type { Engine } from '../engine/engine.ts';

export interface ServerMetrics {
  readonly registry: Registry;
  readonly requests: Counter<'route' | 'method' | 'status'>;
  readonly requestSeconds: Histogram<'route'>;
  readonly valuesIn: Counter<'protocol'>;
  readonly bytesIn: Counter<'protocol'>;
  readonly rejectedLines: Counter<'protocol'>;
  readonly checkpointSeconds: Histogram;
  readonly querySeconds: Histogram<'route'>;
  readonly walSyncSeconds: Histogram;
}

/** Metrics of one server. `engine` gives the engine once it is open, and undefined before. */
export function createServerMetrics(engine: () => Engine | undefined, heldBytes: () => number): ServerMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  addEngineMetrics(registry, engine);
  new Gauge({
    name: 'varve_ingest_inflight_bytes',
    help: 'Bytes of request bodies of writes under way.',
    registers,
    collect() {
      this.set(heldBytes());
    },
  });
  return {
    registry,
    requests: new Counter({
      name: 'varve_http_requests_total',
      help: 'HTTP requests answered, by route, method and status.',
      labelNames: ['route', 'method', 'status'],
      registers,
    }),
    requestSeconds: new Histogram({
      name: 'varve_http_request_duration_seconds',
      help: 'Time from the request head to the last byte of the answer, by route.',
      labelNames: ['route'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
    valuesIn: new Counter({
      name: 'varve_ingest_values_total',
      help: 'Field values accepted, by protocol.',
      labelNames: ['protocol'],
      registers,
    }),
    bytesIn: new Counter({
      name: 'varve_ingest_bytes_total',
      help: 'Bytes of accepted request bodies after decompression, by protocol.',
      labelNames: ['protocol'],
      registers,
    }),
    rejectedLines: new Counter({
      name: 'varve_ingest_rejected_lines_total',
      help: 'Lines or samples refused as malformed or conflicting, by protocol.',
      labelNames: ['protocol'],
      registers,
    }),
    walSyncSeconds: new Histogram({
      name: 'varve_wal_sync_duration_seconds',
      help: 'Time of a sync of the log.',
      buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
      registers,
    }),
    checkpointSeconds: new Histogram({
      name: 'varve_checkpoint_duration_seconds',
      help: 'Time of a checkpoint: flushing all memtables and letting the log go.',
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    }),
    querySeconds: new Histogram({
      name: 'varve_query_duration_seconds',
      help: 'Time to evaluate a query and write its result, by route.',
      labelNames: ['route'],
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120],
      registers,
    }),
  };
}

/** One number of the engine's. */
interface EngineMetric {
  kind: 'counter' | 'gauge';
  name: string;
  help: string;
  read(engine: Engine): number;
}

const counter = (name: string, help: string, read: (engine: Engine) => number): EngineMetric => ({
  kind: 'counter',
  name,
  help,
  read,
});

const gauge = (name: string, help: string, read: (engine: Engine) => number): EngineMetric => ({
  kind: 'gauge',
  name,
  help,
  read,
});

const ENGINE_METRICS: readonly EngineMetric[] = [
  counter('varve_rows_total', 'Rows committed to the log and the memtable.', ({ counters }) => counters.rows),
  counter('varve_values_total', 'Field values committed.', ({ counters }) => counters.samples),
  counter('varve_flushes_total', 'Memtables written to files.', ({ counters }) => counters.flushes),
  counter(
    'varve_flush_errors_total',
    'Flushes that failed and are tried again.',
    ({ counters }) => counters.flushErrors,
  ),
  counter('varve_flush_bytes_total', 'Bytes of files written by flushes.', ({ counters }) => counters.flushBytes),
  counter('varve_compactions_total', 'Merges of files.', ({ counters }) => counters.merges),
  counter('varve_compaction_errors_total', 'Merges that failed.', ({ counters }) => counters.mergeErrors),
  counter('varve_compaction_bytes_total', 'Bytes of files written by merges.', ({ counters }) => counters.mergeBytes),
  counter(
    'varve_continuous_queries_total',
    'Runs of continuous queries.',
    ({ counters }) => counters.continuousQueries,
  ),
  counter(
    'varve_continuous_query_errors_total',
    'Runs of continuous queries that failed.',
    ({ counters }) => counters.continuousQueryErrors,
  ),
  counter(
    'varve_partitions_dropped_total',
    'Partitions removed by retention.',
    ({ counters }) => counters.partitionsDropped,
  ),
  counter('varve_wal_bytes_written_total', 'Bytes written to the log.', ({ wal }) => wal.stats().bytesWritten),
  counter('varve_wal_syncs_total', 'Syncs of the log.', ({ wal }) => wal.stats().syncs),
  gauge('varve_wal_size_bytes', 'Bytes that the log holds on disk.', ({ wal }) => wal.stats().sizeBytes),
  counter(
    'varve_wal_archive_failures_total',
    'Copies of log segments into the archive that failed.',
    ({ wal }) => wal.stats().archiveFailures,
  ),
  gauge('varve_wal_segments', 'Segments that the log holds.', ({ wal }) => wal.stats().segments),
  gauge('varve_wal_pending_bytes', 'Bytes accepted and not yet written.', ({ wal }) => wal.stats().pendingBytes),
  gauge(
    'varve_wal_oldest_unflushed_seconds',
    'Age of the oldest row that only the log and memory hold.',
    ({ wal }) => wal.oldestUnflushedMs() / 1000,
  ),
  gauge('varve_quarantined_files', 'Damaged files that were put aside at start.', (engine) =>
    sum(engine, (db) => db.quarantinedFiles),
  ),
  gauge('varve_databases', 'Databases.', (engine) => engine.databases().length),
  gauge('varve_series', 'Series in the indexes of all databases.', (engine) =>
    sum(engine, (db) => db.index.seriesCount),
  ),
  gauge('varve_files', 'Live data files.', (engine) => sum(engine, (db) => db.manifest.files.size)),
  gauge('varve_file_bytes', 'Bytes of live data files.', (engine) => sum(engine, fileBytes)),
  gauge(
    'varve_memtable_bytes',
    'Bytes of rows held in memory until they are flushed.',
    (engine) => engine.memtableBytes,
  ),
  gauge('varve_ready', '1 once the server can write and read.', (engine) => (engine.ready ? 1 : 0)),
  gauge(
    'varve_write_amplification',
    'Bytes written to disk (log, flushes, merges) per byte of request bodies taken in.',
    writeAmplification,
  ),
];

function sum(engine: Engine, read: (database: Database) => number): number {
  return engine.allDatabases().reduce((total, database) => total + read(database), 0);
}

function fileBytes(database: Database): number {
  let bytes = 0;
  for (const entry of database.manifest.files.values()) bytes += entry.sizeBytes;
  return bytes;
}

function writeAmplification({ counters, wal }: Engine): number {
  if (counters.bytesIngested === 0) return 0;
  return (wal.stats().bytesWritten + counters.flushBytes + counters.mergeBytes) / counters.bytesIngested;
}

/** Metrics that are read from the engine when they are asked for; 0 until it is open. */
function addEngineMetrics(registry: Registry, engine: () => Engine | undefined): void {
  const registers = [registry];
  for (const { kind, name, help, read } of ENGINE_METRICS) {
    const now = (): number => {
      const opened = engine();
      return opened === undefined ? 0 : read(opened);
    };
    if (kind === 'gauge') {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(now());
        },
      });
    } else {
      new Counter({
        name,
        help,
        registers,
        collect() {
          this.reset();
          this.inc(now());
        },
      });
    }
  }
}
