/** SHOW DIAGNOSTICS and SHOW STATS: what this process is and has done, under the names that InfluxDB's monitors look for. */
import { hostname } from 'node:os';
import { goDuration } from '../../go-math/go-duration.ts';
import type { ShowModuleStatement } from '../ast.ts';
import type { MixedColumn, ResultSeries, StatementAnswer } from '../result.ts';
import type { StatementContext } from '../statement-context.ts';
import { listAnswer, rowSeries } from './answers.ts';
import { partitionsOf } from './partitions.ts';
import { measurementNames, policiesOf } from './policies.ts';
import { shardId } from './shards.ts';

type Value = MixedColumn['values'][number];

/** Columns by name, in the order of names, as InfluxDB has them. */
interface Module {
  readonly name: string;
  readonly tags: ResultSeries['tags'];
  readonly values: Readonly<Record<string, Value>>;
}

export function showDiagnostics({ module }: ShowModuleStatement, context: StatementContext): StatementAnswer {
  return modulesAnswer(diagnosticModules(context), module);
}

export function showStats({ module }: ShowModuleStatement, context: StatementContext): StatementAnswer {
  return modulesAnswer(statsModules(context), module);
}

function modulesAnswer(modules: readonly Module[], wanted: string): StatementAnswer {
  return listAnswer(
    modules
      .filter(({ name }) => wanted === '' || name === wanted)
      .map(({ name, tags, values }) => {
        const columns = Object.keys(values);
        return { ...rowSeries(name, columns, [columns.map((column) => values[column])]), tags };
      }),
  );
}

function diagnosticModules({ engine, limits, nowNs }: StatementContext): Module[] {
  const { options } = engine;
  const uptimeNs = BigInt(Math.round(process.uptime() * 1e9));
  const own = (name: string, values: Module['values']): Module => ({ name, tags: null, values });
  return [
    own('build', { Branch: '', 'Build Time': '', Commit: '', Version: 'Varve' }),
    own('config-coordinator', {
      'max-select-buckets': limits.maxSelectBuckets,
      'max-select-point': limits.maxSelectPoints,
      'max-select-series': limits.maxSelectSeries,
    }),
    own('config-data', {
      'cache-max-memory-size': options.memtableBytes,
      'cache-snapshot-write-cold-duration': goDuration(BigInt(options.flushIntervalMs) * 1_000_000n),
      dir: options.dataDir,
      'wal-dir': `${options.dataDir}/wal`,
    }),
    own('network', { hostname: hostname() }),
    own('runtime', {
      arch: process.arch,
      os: process.platform,
      version: `Node.js ${process.version}`,
    }),
    own('system', {
      PID: process.pid,
      currentTime: instantText(nowNs),
      started: instantText(nowNs - uptimeNs),
      uptime: goDuration(uptimeNs),
    }),
  ];
}

function instantText(ns: bigint): string {
  const whole = new Date(Number(ns / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  const digits = String(ns % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return digits === '' ? `${whole}Z` : `${whole}.${digits}Z`;
}

function statsModules(context: StatementContext): Module[] {
  const { engine, queries } = context;
  const memory = process.memoryUsage();
  const { counters } = engine;
  const modules: Module[] = [
    {
      name: 'runtime',
      tags: null,
      values: {
        Alloc: memory.heapUsed,
        HeapAlloc: memory.heapUsed,
        HeapInUse: memory.heapUsed,
        HeapSys: memory.heapTotal,
        Sys: memory.rss,
      },
    },
    { name: 'queryExecutor', tags: null, values: { queriesActive: queries.list().length } },
    {
      name: 'write',
      tags: null,
      values: { pointReq: counters.rows, writeOk: counters.rows, valuesWritten: counters.samples },
    },
    {
      name: 'engine',
      tags: null,
      values: {
        flushes: counters.flushes,
        flushErrors: counters.flushErrors,
        merges: counters.merges,
        mergeErrors: counters.mergeErrors,
        partitionsDropped: counters.partitionsDropped,
      },
    },
  ];
  let indexBytes = 0;
  for (const name of [...engine.databases()].sort()) {
    const databases = policiesOf(context, name);
    let series = 0;
    for (const { index } of databases) {
      series += index.seriesCount;
      indexBytes += index.memoryBytes;
    }
    modules.push({
      name: 'database',
      tags: [['database', name]],
      values: { numMeasurements: measurementNames(databases).length, numSeries: series },
    });
    for (const { name: policy, database } of engine.retentionPolicies(name))
      modules.push(...shardModules(name, policy, database));
  }
  return [...modules, { name: 'indexes', tags: null, values: { memoryBytes: indexBytes } }];
}

function shardModules(name: string, policy: string, database: Parameters<typeof partitionsOf>[0]): Module[] {
  const files = [...database.manifest.files.values()];
  return partitionsOf(database).map((partition) => {
    const own = files.filter((file) => file.partitionStartSec === partition.startSec);
    return {
      name: 'shard',
      tags: [
        ['database', name],
        ['id', String(shardId(database, partition))],
        ['path', database.directory],
        ['retentionPolicy', policy],
      ],
      values: {
        diskBytes: own.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
        numFiles: own.length,
      },
    };
  });
}
