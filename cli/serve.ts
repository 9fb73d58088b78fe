/**
 * `varve serve`: opens the data, serves HTTP, and stops cleanly.
 *
 * Start: listen first (a port in use must not touch the data), open the engine (recovery happens here), attach it.
 * Stop, on SIGTERM or SIGINT: stop accepting, finish requests under way, flush and sync, exit 0. A second signal exits
 * at once; what was acknowledged is in the log and comes back at the next start.
 */
import { type AddressInfo, isIPv6 } from 'node:net';
import { resolve } from 'node:path';
import { format } from 'node:util';
import type { Command } from 'commander';
import { type Logger, pino } from 'pino';
import { systemClock } from '../clock/clock.ts';
import type { ListenAddress } from '../config/kinds.ts';
import type { Resolved } from '../config/resolve.ts';
import type { SettingName, Settings } from '../config/settings.ts';
import { type Engine, openEngine } from '../engine/engine.ts';
import type { EngineOptions } from '../engine/options.ts';
import { LIMIT_SETTINGS, type WriteLimits } from '../engine/write-limits.ts';
import { ContinuousQueries } from '../query/influxql/continuous/runner.ts';
import { sharedQueryWorkers } from '../query/workers/pool.ts';
import type { ServerConfig } from '../server/config.ts';
import { createServer } from '../server/server.ts';
import { directoryFailure } from './data-directory.ts';
import { EXIT_DATA, EXIT_FAILURE, EXIT_LISTEN, EXIT_OK, EXIT_USAGE } from './exit-codes.ts';
import { addSettingsOptions, settingsOf } from './settings-options.ts';
import { isLoopback, makeFirstAdmin } from './start-access.ts';
import { startProblem } from './start-problem.ts';
import { startRules } from './start-rules.ts';
import { readVersion } from './version.ts';

export function addServeCommand(program: Command): void {
  const command = program.command('serve').description('serve a data directory over HTTP');
  addSettingsOptions(command)
    .addHelpText(
      'after',
      `
Every option is also a variable (--wal-sync is VARVE_WAL_SYNC) and a line of the file that --config names.

Examples:
  varve serve --listen 127.0.0.1:8086 --data ./data
  VARVE_ADMIN_USER=admin VARVE_ADMIN_PASSWORD=... varve serve --listen :8086 --data /var/lib/varve --retention 90d
  varve serve --config /etc/varve/varve.yml
  varve serve --rules 'rules/*.yml' --alertmanager http://127.0.0.1:9093

While it runs:
  curl -XPOST 'http://127.0.0.1:8086/write' --data-binary 'room,name=attic temperature=21.5'
  curl 'http://127.0.0.1:8086/api/v1/query?query=room_temperature'

Log lines go to stderr as JSON. SIGTERM and SIGINT stop it cleanly.`,
    )
    .action((_options: unknown, chosen: Command) => serve(settingsOf(chosen)));
}

async function serve({ values: settings, texts, problems }: Resolved): Promise<void> {
  if (problems.length > 0) {
    const hint = "run 'varve serve --help' for all settings, 'varve config check' to try others";
    fail(EXIT_USAGE, `the settings are wrong:\n${problems.map((line) => `  ${line}\n`).join('')}(${hint})`);
  }
  const version = readVersion();
  const log = await createLog(settings['log-level'], settings['log-format']);
  // What libraries print comes in the log's form, too.
  console.error = console.warn = (...what) => log.error(format(...what));
  console.info = console.log = (...what) => log.debug(format(...what));
  const dataDir = resolve(settings.data);
  const problem = startProblem(settings, process.env);
  if (problem !== null) fail(EXIT_USAGE, problem);
  const promql = {
    delayedNameRemoval: settings['promql-delayed-name-removal'],
    typeAndUnitLabels: settings['type-and-unit-labels'],
  };
  const server = withTls(() => createServer(serverConfig(settings, texts, promql, version, log)));
  const isSecure = tlsFiles(settings) !== null;
  // Also where there is nothing to read again: what the signal does by itself is to end the process.
  process.on('SIGHUP', () => server.reloadTls());
  if (!isSecure && !isLoopback(settings.listen)) {
    log.warn('what this server is sent and answers can be read on its way: set tls-certificate and tls-key');
  }

  let address: AddressInfo;
  try {
    address = await server.listen(settings.listen.host, settings.listen.port);
  } catch (error) {
    fail(EXIT_LISTEN, listenFailure(settings.listen, error as NodeJS.ErrnoException));
  }

  const stopping = stopOnSignal(log);
  let engine: Engine;
  try {
    engine = await openEngine({ dataDir, ...engineOptions(settings, log) });
  } catch (error) {
    fail(EXIT_DATA, directoryFailure(dataDir, error));
  }
  engine.onFatal = (error) => fail(EXIT_FAILURE, error.message);
  try {
    await makeFirstAdmin(settings, engine, process.env);
  } catch (error) {
    fail(EXIT_USAGE, `cannot make administrator: ${(error as Error).message}`);
  }
  server.attach(engine);
  const query = { lookbackMs: settings['query-lookback'], timeoutMs: settings['query-timeout'], ...promql };
  const rules = await startRules(settings, engine, query, serverUrl(settings, address.port), log);
  if (rules !== null) server.attachRules(rules);
  const continuous = startContinuousQueries(engine, settings['continuous-query-interval']);
  const intervalMs = settings['internal-interval'];
  if (intervalMs > 0) server.attachSelfMetrics({ intervalMs, retentionMs: settings['internal-retention'] });
  process.stdout.write(greeting(version, dataDir, serverUrl(settings, address.port)));

  const signal = await stopping;
  log.info({ signal }, 'stopping: finishing requests, then flushing');
  try {
    await Promise.all([server.close(settings['shutdown-timeout']), rules?.stop(), continuous?.stop()]);
    await engine.close();
  } catch (error) {
    fail(EXIT_FAILURE, `cannot stop cleanly: ${(error as Error).message}\nAcknowledged writes are in the log.`);
  }
  log.info('stopped');
  process.exit(EXIT_OK);
}

function tlsFiles(settings: Settings): ServerConfig['tls'] {
  const { 'tls-certificate': certificate, 'tls-key': key } = settings;
  return certificate === undefined || key === undefined ? null : { certificate, key };
}

/** What is wrong with the certificate or the key is told as wrong settings. */
function withTls<T>(create: () => T): T {
  try {
    return create();
  } catch (error) {
    fail(EXIT_USAGE, (error as Error).message);
  }
}

/** Runs continuous queries when they are due; null when the interval is 0. */
function startContinuousQueries(engine: Engine, intervalMs: number): ContinuousQueries | null {
  if (intervalMs === 0) return null;
  const queries = new ContinuousQueries({ engine, clock: systemClock, workers: sharedQueryWorkers(), intervalMs });
  queries.start();
  return queries;
}

async function createLog(level: string, format: 'json' | 'text'): Promise<Logger> {
  if (format === 'json') return pino({ level, base: null }, pino.destination({ fd: 2, sync: true }));
  const { build } = await import('pino-pretty');
  return pino({ level, base: null }, build({ destination: 2, sync: true }));
}

function serverConfig(
  settings: Settings,
  flags: Resolved['texts'],
  promql: ServerConfig['promql'],
  version: string,
  log: Logger,
): ServerConfig {
  return {
    version,
    bodyLimitBytes: settings['max-body-size'],
    inflightLimitBytes: settings['max-inflight-size'],
    writeConcurrency: settings['max-concurrent-writes'],
    lookbackMs: settings['query-lookback'],
    queryTimeoutMs: settings['query-timeout'],
    queryConcurrency: settings['query-concurrency'],
    queryQueue: settings['query-queue'],
    queryMaxSamples: settings['query-max-samples'],
    queryMaxSeries: settings['query-max-series'],
    queryMaxBytes: settings['query-max-memory'],
    slowQueryMs: settings['slow-query'],
    rangePointsLimit: settings['query-max-points'],
    selectLimits: {
      maxSelectPoints: settings['max-select-points'],
      maxSelectSeries: settings['max-select-series'],
      maxSelectBuckets: settings['max-select-buckets'],
    },
    rowLimit: settings['max-row-limit'],
    promql,
    corsOrigin: settings['cors-origin'],
    adminApi: settings['enable-admin-api'],
    authMode: settings['auth-enabled'],
    publicMetrics: settings['public-metrics'],
    rulesDatabase: settings['rules-database'],
    tls: tlsFiles(settings),
    headTimeoutMs: settings['head-timeout'],
    requestTimeoutMs: settings['request-timeout'],
    keepAliveMs: settings['keep-alive-timeout'],
    bodyStallMs: settings['body-stall-timeout'],
    queryMaxLength: settings['query-max-length'],
    flags,
    log,
  };
}

function engineOptions(settings: Settings, log: Logger): Omit<EngineOptions, 'dataDir'> {
  const archive = settings['wal-archive'];
  return {
    walSync: settings['wal-sync'],
    walAsyncIntervalMs: settings['wal-async-interval'],
    walReplayAttempts: settings['wal-replay-attempts'],
    walRecovery: settings['wal-recovery'],
    walArchiveDir: archive === undefined ? null : resolve(archive),
    walSegmentBytes: settings['wal-segment-size'],
    mergeBytesPerSec: settings['merge-rate'],
    maintenanceIntervalMs: settings['maintenance-interval'],
    retentionMs: settings.retention,
    partitionDurationSec: settings['partition-duration'] / 1000,
    memtableBytes: settings['memtable-size'],
    sizeCapBytes: settings['size-cap'],
    reserveBytes: settings['disk-reserve'],
    flushIntervalMs: settings['flush-interval'],
    writeLimits: writeLimits(settings),
    log: (level, message, fields) => log[level](fields ?? {}, message),
  };
}

function writeLimits(settings: Settings): WriteLimits {
  const names = Object.entries(LIMIT_SETTINGS) as [keyof WriteLimits, SettingName][];
  return Object.fromEntries(names.map(([limit, name]) => [limit, settings[name]])) as unknown as WriteLimits;
}

/** Resolves at the first SIGTERM or SIGINT; the second ends the process at once. */
function stopOnSignal(log: Logger): Promise<NodeJS.Signals> {
  return new Promise((resolveSignal) => {
    let asked = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (asked) {
        log.warn({ signal }, 'second signal: exiting at once');
        process.exit(EXIT_FAILURE);
      }
      asked = true;
      resolveSignal(signal);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

function serverUrl({ listen, 'tls-certificate': certificate }: Settings, port: number): string {
  const anywhere = listen.host === undefined || listen.host === '0.0.0.0' || listen.host === '::';
  const host = anywhere ? '127.0.0.1' : (listen.host as string);
  return `http${certificate === undefined ? '' : 's'}://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** What to paste to write and to read. */
function greeting(version: string, dataDir: string, url: string): string {
  return `Varve ${version} is listening on ${url}
data in ${dataDir}

write:  curl '${url}/write' --data-binary 'room,name=attic temperature=21.5'
read:   curl '${url}/api/v1/query?query=room_temperature'

Prometheus remote write    ${url}/api/v1/write
Telegraf, InfluxDB clients ${url}
Grafana (Prometheus)       ${url}, or ${url}/db/NAME for another database
`;
}

function listenFailure({ host, port }: ListenAddress, error: NodeJS.ErrnoException): string {
  const where = `${host ?? ''}:${port}`;
  if (error.code === 'EADDRINUSE') {
    return `cannot listen on ${where}: the port is in use. Stop what uses it, or choose another with --listen 127.0.0.1:PORT`;
  }
  if (error.code === 'EACCES') {
    return `cannot listen on ${where}: ports below 1024 need privileges. Choose a higher one with --listen`;
  }
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
    return `cannot listen on ${where}: this machine has no such address. Use 127.0.0.1:${port} or :${port}`;
  }
  return `cannot listen on ${where}: ${error.message}`;
}

function fail(code: number, message: string): never {
  process.stderr.write(`varve: ${message}\n`);
  process.exit(code);
}
