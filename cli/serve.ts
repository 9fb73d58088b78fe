/**
 * `varve serve`: opens the data, serves HTTP, and stops cleanly.
 *
 * Start: listen first (a port in use must not touch the data), open the engine (recovery happens here), attach it.
 * Stop, on SIGTERM or SIGINT: stop accepting, finish requests under way, flush and sync, exit 0. A second signal exits
 * at once; what was acknowledged is in the log and comes back at the next start.
 */
import { type AddressInfo, isIPv6 } from 'node:net';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { type Logger, pino } from 'pino';
import { type Engine, openEngine } from '../engine/engine.ts';
import { DEFAULT_MEMTABLE_BYTES, DEFAULT_MERGE_BYTES_PER_SEC, DEFAULT_RESERVE_BYTES } from '../engine/options.ts';
import { VarveError } from '../errors/errors.ts';
import { DEFAULT_SERVER_LIMITS } from '../server/config.ts';
import { createServer } from '../server/server.ts';
import { EXIT_DATA, EXIT_FAILURE, EXIT_LISTEN, EXIT_OK, EXIT_USAGE } from './exit-codes.ts';
import {
  type ListenAddress,
  parseCountOption,
  parseDurationOption,
  parseListen,
  parseRegexOption,
  parseSizeOption,
} from './option-values.ts';
import { addRuleOptions, type RuleOptions, ruleProblems, startRules } from './rule-options.ts';
import { readVersion } from './version.ts';

const LIMITS = DEFAULT_SERVER_LIMITS;

interface ServeOptions extends RuleOptions {
  listen: ListenAddress;
  data: string;
  retention: number;
  walSync: 'group' | 'always' | 'async' | 'none';
  walRecovery: 'strict' | 'skip';
  walArchive?: string;
  mergeRate: number;
  partitionDuration: number;
  memtableSize: number;
  sizeCap: number;
  diskReserve: number;
  flushInterval: number;
  maxBodySize: number;
  queryTimeout: number;
  promqlDelayedNameRemoval: boolean;
  typeAndUnitLabels: boolean;
  queryConcurrency: number;
  queryMaxSamples: number;
  queryMaxSeries: number;
  queryMaxMemory: number;
  slowQuery: number;
  shutdownTimeout: number;
  corsOrigin: string;
  enableAdminApi: boolean;
  logLevel: string;
}

export function addServeCommand(program: Command): void {
  const command = program
    .command('serve')
    .description('serve a data directory over HTTP')
    .addOption(
      new Option('-l, --listen <host:port>', 'address to serve HTTP on; :8086 means every interface')
        .argParser(parseListen)
        .default({ host: '127.0.0.1', port: 8086 }, '127.0.0.1:8086'),
    )
    .option('-d, --data <directory>', 'where the data is kept; created when missing', './data')
    .addOption(duration('--retention <duration>', 'drop data older than this', 0, 'forever'))
    .addOption(
      new Option('--wal-sync <mode>', 'when a write is acknowledged: durable (group, always) or before (async, none)')
        .choices(['group', 'always', 'async', 'none'])
        .default('group'),
    )
    .addOption(
      new Option('--wal-recovery <mode>', 'on damage inside the log: stop and say so, or skip it and report the loss')
        .choices(['strict', 'skip'])
        .default('strict'),
    )
    .option('--wal-archive <directory>', 'copy segments of the log there before they go')
    .addOption(duration('--partition-duration <duration>', 'time range of one partition', 86_400_000, '1d'))
    .addOption(
      size('--memtable-size <size>', 'rows held in memory before they are flushed', DEFAULT_MEMTABLE_BYTES, '24MiB'),
    )
    .addOption(size('--size-cap <size>', 'drop the oldest partitions beyond this much data', 0, 'none'))
    .addOption(size('--disk-reserve <size>', 'refuse writes while less disk is free', DEFAULT_RESERVE_BYTES, '64MiB'))
    .addOption(
      size('--merge-rate <size>', 'bytes per second that merges may write', DEFAULT_MERGE_BYTES_PER_SEC, '64MiB'),
    )
    .addOption(duration('--flush-interval <duration>', 'flush rows that are older than this', 600_000, '10m'))
    .addOption(
      size('--max-body-size <size>', 'largest body of one write', DEFAULT_SERVER_LIMITS.bodyLimitBytes, '64MiB'),
    )
    .addOption(
      duration('--query-timeout <duration>', 'longest a query may run', DEFAULT_SERVER_LIMITS.queryTimeoutMs, '2m'),
    )
    .option('--promql-delayed-name-removal', 'drop metric names at the end of a query, not in each function', false)
    .option(
      '--type-and-unit-labels',
      'label series of remote write 2.0 with __type__ and __unit__, and tell counters by these',
      false,
    )
    .addOption(count('--query-concurrency <number>', 'queries that run at once; others wait', LIMITS.queryConcurrency))
    .addOption(count('--query-max-samples <number>', 'samples that one query may hold at once', LIMITS.queryMaxSamples))
    .addOption(count('--query-max-series <number>', 'series that one selector may yield', LIMITS.queryMaxSeries))
    .addOption(size('--query-max-memory <size>', 'memory that one selector may need', LIMITS.queryMaxBytes, '2GiB'))
    .addOption(
      duration('--slow-query <duration>', 'log queries that take longer; 0 logs none', LIMITS.slowQueryMs, '5s'),
    )
    .addOption(duration('--shutdown-timeout <duration>', 'longest wait for requests when stopping', 10_000, '10s'))
    .addOption(
      new Option('--cors-origin <regex>', 'origins (RE2, matched whole) whose pages may read answers')
        .argParser(parseRegexOption)
        .default(DEFAULT_SERVER_LIMITS.corsOrigin),
    )
    .option('--enable-admin-api', 'let series be deleted and snapshots be taken over HTTP', false);
  addRuleOptions(command)
    .addOption(
      new Option('--log-level <level>', 'least severe log line to print')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .addHelpText(
      'after',
      `
Examples:
  varve serve --listen 127.0.0.1:8086 --data ./data
  varve serve --listen :8086 --data /var/lib/varve --retention 90d
  varve serve --rules 'rules/*.yml' --alertmanager http://127.0.0.1:9093

While it runs:
  curl -XPOST 'http://127.0.0.1:8086/write' --data-binary 'room,name=attic temperature=21.5'
  curl 'http://127.0.0.1:8086/api/v1/query?query=room_temperature'

Log lines go to stderr as JSON. SIGTERM and SIGINT stop it cleanly.`,
    )
    .action(serve);
}

function duration(flags: string, text: string, ms: number, shown: string): Option {
  return new Option(flags, text).argParser(parseDurationOption).default(ms, shown);
}

function count(flags: string, text: string, value: number): Option {
  return new Option(flags, text).argParser(parseCountOption).default(value);
}

function size(flags: string, text: string, bytes: number, shown: string): Option {
  return new Option(flags, text).argParser(parseSizeOption).default(bytes, shown);
}

/** Every option with its value, as the command line would say it. */
function shownFlags(command: Command): Record<string, string> {
  const flags: Record<string, string> = {};
  for (const option of command.options) {
    const name = option.attributeName();
    const value: unknown = command.getOptionValue(name);
    const isDefault = command.getOptionValueSource(name) === 'default';
    const text = typeof value === 'object' ? Object.values(value ?? {}).join(':') : String(value ?? '');
    // Addresses may hold a password.
    const shown = text.replace(/\/\/[^/@\s]+@/g, '//');
    flags[option.long?.replace(/^--/, '') ?? name] = (isDefault && option.defaultValueDescription) || shown;
  }
  return flags;
}

async function serve(options: ServeOptions, command: Command): Promise<void> {
  const version = readVersion();
  const log = pino({ level: options.logLevel, base: null }, pino.destination({ fd: 2, sync: true }));
  const dataDir = resolve(options.data);
  const problems = ruleProblems(options);
  if (problems !== null) fail(EXIT_USAGE, problems);
  const promql = {
    delayedNameRemoval: options.promqlDelayedNameRemoval,
    typeAndUnitLabels: options.typeAndUnitLabels,
  };
  const server = createServer({
    ...DEFAULT_SERVER_LIMITS,
    version,
    bodyLimitBytes: options.maxBodySize,
    queryTimeoutMs: options.queryTimeout,
    queryConcurrency: options.queryConcurrency,
    queryMaxSamples: options.queryMaxSamples,
    queryMaxSeries: options.queryMaxSeries,
    queryMaxBytes: options.queryMaxMemory,
    slowQueryMs: options.slowQuery,
    promql,
    corsOrigin: options.corsOrigin,
    adminApi: options.enableAdminApi,
    flags: shownFlags(command),
    log,
  });

  let address: AddressInfo;
  try {
    address = await server.listen(options.listen.host, options.listen.port);
  } catch (error) {
    fail(EXIT_LISTEN, listenFailure(options.listen, error as NodeJS.ErrnoException));
  }

  const stopping = stopOnSignal(log);
  let engine: Engine;
  try {
    engine = await openEngine({
      dataDir,
      walSync: options.walSync,
      walRecovery: options.walRecovery,
      walArchiveDir: options.walArchive === undefined ? null : resolve(options.walArchive),
      mergeBytesPerSec: options.mergeRate,
      retentionMs: options.retention,
      partitionDurationSec: options.partitionDuration / 1000,
      memtableBytes: options.memtableSize,
      sizeCapBytes: options.sizeCap,
      reserveBytes: options.diskReserve,
      flushIntervalMs: options.flushInterval,
      log: (level, message, fields) => log[level](fields ?? {}, message),
    });
  } catch (error) {
    fail(EXIT_DATA, openFailure(dataDir, error));
  }
  engine.onFatal = (error) => fail(EXIT_FAILURE, `FATAL: ${error.message}`);
  server.attach(engine);
  const query = { lookbackMs: DEFAULT_SERVER_LIMITS.lookbackMs, timeoutMs: options.queryTimeout, ...promql };
  const rules = await startRules(options, engine, query, serverUrl(options.listen, address.port), log);
  if (rules !== null) server.attachRules(rules);
  process.stdout.write(greeting(version, dataDir, options.listen, address.port));

  const signal = await stopping;
  log.info({ signal }, 'stopping: finishing requests, then flushing');
  try {
    await Promise.all([server.close(options.shutdownTimeout), rules?.stop()]);
    await engine.close();
  } catch (error) {
    fail(EXIT_FAILURE, `cannot stop cleanly: ${(error as Error).message}\nAcknowledged writes are in the log.`);
  }
  log.info('stopped');
  process.exit(EXIT_OK);
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

function serverUrl(listen: ListenAddress, port: number): string {
  const anywhere = listen.host === undefined || listen.host === '0.0.0.0' || listen.host === '::';
  const host = anywhere ? '127.0.0.1' : (listen.host as string);
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** What to paste to write and to read. */
function greeting(version: string, dataDir: string, listen: ListenAddress, port: number): string {
  const url = serverUrl(listen, port);
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

function openFailure(dataDir: string, error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') {
    return `cannot write to ${dataDir}: ${(error as Error).message}. Give this user the directory, or choose another with --data`;
  }
  if (code === 'ENOTDIR' || code === 'EEXIST') {
    return `cannot use ${dataDir}: it is not a directory. Choose another with --data`;
  }
  if (error instanceof VarveError) return error.message;
  return `cannot open ${dataDir}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

function fail(code: number, message: string): never {
  process.stderr.write(`varve: ${message}\n`);
  process.exit(code);
}
