/**
 * Every setting of the server: one table, from which the flags, the environment, the file, the documentation and the
 * types are made. A setting has one name: `wal-sync` is `--wal-sync`, `VARVE_WAL_SYNC`, and `wal-sync:` in the file.
 *
 * Defaults are written as a person would write them.
 */

import type { Kind } from './kinds.ts';
import * as kinds from './kinds.ts';

export interface Setting<T = unknown> {
  readonly kind: Kind<T>;
  /** As text, parsed by the kind; null leaves the setting undefined. */
  readonly fallback: string | readonly string[] | null;
  /** What stands for the fallback where people read. */
  readonly fallbackText: string;
  /** What it does, in a phrase: for usage, and as the first sentence of the documentation. */
  readonly meaning: string;
  readonly short: string | null;
  readonly section: string;
}

/** A setting with a default. */
function setting<T>(
  section: string,
  kind: Kind<T>,
  fallback: string | readonly string[],
  meaning: string,
  shown: { text?: string; short?: string } = {},
): Setting<T> {
  const fallbackText = shown.text ?? (typeof fallback === 'string' ? fallback : fallback.join(', ') || 'none');
  return { kind, fallback, fallbackText, meaning, short: shown.short ?? null, section };
}

/** A setting that may be absent. */
function optional<T>(section: string, kind: Kind<T>, meaning: string): Setting<T | undefined> {
  return { kind, fallback: null, fallbackText: 'none', meaning, short: null, section };
}

const SERVER = 'Server';
const SECURITY = 'Security';
const STORAGE = 'Storage';
const WRITES = 'Writes';
const QUERIES = 'Queries';
const RULES = 'Rules';
const LOG = 'Monitoring';

export const SETTINGS = {
  listen: setting(SERVER, kinds.address, '127.0.0.1:8086', 'address to serve HTTP on; :8086 means every interface', {
    short: 'l',
  }),
  'cors-origin': setting(SERVER, kinds.regex, '.*', 'origins (RE2, matched whole) whose pages may read answers'),
  'enable-admin-api': setting(
    SERVER,
    kinds.toggle,
    'false',
    'serve the deletion of series, snapshots, and changing or dropping databases; InfluxQL has its own statements',
  ),
  'head-timeout': setting(SERVER, kinds.interval, '20s', 'longest the head of a request may take to arrive'),
  'body-stall-timeout': setting(SERVER, kinds.interval, '10s', 'longest until another 4 KiB of a body arrive'),
  'request-timeout': setting(SERVER, kinds.interval, '5m', 'longest a whole request may take to arrive'),
  'keep-alive-timeout': setting(
    SERVER,
    kinds.interval,
    '75s',
    'how long a connection without requests stays open; longer than the 60s in which proxies use one again',
  ),
  'shutdown-timeout': setting(SERVER, kinds.duration, '10s', 'longest wait for requests when stopping'),

  'auth-enabled': setting(
    SECURITY,
    kinds.choice('auto', 'true', 'false'),
    'auto',
    'ask who sends a request; auto: once there are users or tokens',
  ),
  'admin-user': optional(
    SECURITY,
    kinds.text,
    'administrator to make at the start when there is none; VARVE_ADMIN_PASSWORD or admin-password-file has the password',
  ),
  'admin-password-file': optional(SECURITY, kinds.file, 'file with the password of admin-user'),
  'allow-anonymous-remote-access': setting(
    SECURITY,
    kinds.toggle,
    'false',
    'without authentication, listen on other addresses than loopback all the same: whoever reaches them may do everything',
  ),
  'public-metrics': setting(SECURITY, kinds.toggle, 'false', 'let /metrics be read without authentication'),
  'tls-certificate': optional(
    SECURITY,
    kinds.file,
    'certificate (PEM, with those that it was issued by) to serve HTTPS with; read again when it changes and at SIGHUP',
  ),
  'tls-key': optional(SECURITY, kinds.file, 'private key (PEM) of tls-certificate'),

  data: setting(STORAGE, kinds.directory, './data', 'where the data is kept; created when missing', { short: 'd' }),
  retention: setting(
    STORAGE,
    kinds.duration,
    'forever',
    'drop data older than this, in databases without a retention of their own',
  ),
  'partition-duration': setting(
    STORAGE,
    kinds.wholeSeconds('1s', '90d'),
    '1d',
    'time range of one partition of a new database',
  ),
  'size-cap': setting(STORAGE, kinds.size, 'none', 'drop the oldest partitions beyond this much data'),
  'disk-reserve': setting(STORAGE, kinds.size, '64MiB', 'refuse writes while less disk is free; none refuses none'),
  'memtable-size': setting(
    STORAGE,
    kinds.sizeFrom('1MiB'),
    '20MiB',
    'rows held in memory before they are flushed; at twice as much writes wait, at four times they are answered 503',
  ),
  'flush-interval': setting(STORAGE, kinds.interval, '10m', 'flush rows that are older than this'),
  'merge-rate': setting(STORAGE, kinds.size, '64MiB', 'bytes per second that merges may write; none is no limit'),
  'maintenance-interval': setting(STORAGE, kinds.interval, '30s', 'how often merges and retention look for work'),
  'wal-sync': setting(
    STORAGE,
    kinds.choice('group', 'always', 'async', 'none'),
    'group',
    'when a write is acknowledged: durable (group, always) or before (async, none)',
  ),
  'wal-async-interval': setting(
    STORAGE,
    kinds.interval,
    '100ms',
    'with wal-sync async, time between two syncs: what a loss of power can take',
  ),
  'wal-recovery': setting(
    STORAGE,
    kinds.choice('strict', 'skip'),
    'strict',
    'on damage inside the log: stop and say so, or skip it and report the loss',
  ),
  'wal-replay-attempts': setting(
    STORAGE,
    kinds.positive,
    '5',
    'starts that may fail in a row while they replay the log, before the next is refused with the reason',
  ),
  'wal-archive': optional(STORAGE, kinds.directory, 'copy segments of the log there before they go'),
  'wal-segment-size': setting(STORAGE, kinds.sizeFrom('64KiB'), '32MiB', 'size of one file of the log'),

  'max-body-size': setting(
    WRITES,
    kinds.sizeFrom('1'),
    '64MiB',
    'largest body of one write, after decompression; a larger one is answered 413',
  ),
  'max-inflight-size': setting(
    WRITES,
    kinds.sizeFrom('1'),
    '256MiB',
    'bodies of all writes under way together; further ones are answered 503',
  ),
  'max-concurrent-writes': setting(
    WRITES,
    kinds.count,
    '1000',
    'writes under way at once, waiting ones included; further ones are answered 503; 0 is no limit',
  ),
  'max-series-per-database': setting(
    WRITES,
    kinds.count,
    '1000000',
    'series of one database, all its retention policies together; 0 is no limit',
  ),
  'max-new-series-per-second': setting(
    WRITES,
    kinds.count,
    '0',
    'new series that one database takes per second; the rest is answered 429; 0 is no limit',
  ),
  'max-values-per-tag': setting(
    WRITES,
    kinds.count,
    '0',
    'values of one tag among the series of a database; 0 is no limit',
  ),
  'max-index-size': setting(
    WRITES,
    kinds.size,
    '1GiB',
    'memory for the indexes of all databases: series, tags, fields and their names; none is no limit',
  ),
  'max-tags': setting(WRITES, kinds.positive, '256', 'tags of one series; labels of a remote-write series'),
  'max-fields': setting(WRITES, kinds.positive, '4096', 'fields of one line'),
  'max-line-size': setting(WRITES, kinds.sizeFrom('1'), '1MiB', 'one line of line protocol'),
  'max-series-key-size': setting(
    WRITES,
    kinds.sizeFrom('1', '65535'),
    '65535',
    'measurement and tags of one series, as written',
  ),
  'max-name-size': setting(WRITES, kinds.sizeFrom('1'), '4KiB', 'a measurement, tag key, field key or label name'),
  'max-tag-value-size': setting(WRITES, kinds.sizeFrom('1'), '16KiB', 'a tag value or label value'),
  'max-string-size': setting(WRITES, kinds.sizeFrom('1'), '64KiB', 'the value of a string field'),

  'query-timeout': setting(QUERIES, kinds.duration, '2m', 'longest a query may run; 0 is no limit'),
  'query-concurrency': setting(QUERIES, kinds.count, '20', 'queries that run at once; others wait; 0 is no limit'),
  'query-queue': setting(
    QUERIES,
    kinds.count,
    '1000',
    'queries that wait for their turn; further ones are answered 503; 0 is no limit',
  ),
  'query-max-samples': setting(
    QUERIES,
    kinds.count,
    '50000000',
    'samples that one query may hold at once; 0 is no limit',
  ),
  'query-max-series': setting(QUERIES, kinds.count, '2000000', 'series that one selector may yield; 0 is no limit'),
  'query-max-memory': setting(QUERIES, kinds.size, '2GiB', 'memory that one selector may need; none is no limit'),
  'query-max-length': setting(QUERIES, kinds.sizeFrom('1'), '1MiB', 'longest text of one query'),
  'query-max-points': setting(QUERIES, kinds.positive, '11000', 'steps of one PromQL range query'),
  'query-lookback': setting(QUERIES, kinds.interval, '5m', 'how far back a PromQL instant selector looks for a sample'),
  'slow-query': setting(QUERIES, kinds.duration, '5s', 'log queries that take longer; 0 logs none'),
  'promql-delayed-name-removal': setting(
    QUERIES,
    kinds.toggle,
    'false',
    'drop metric names at the end of a query, not in each function',
  ),
  'type-and-unit-labels': setting(
    QUERIES,
    kinds.toggle,
    'false',
    'label series of remote write 2.0 with __type__ and __unit__, and tell counters by these',
  ),
  'max-select-points': setting(QUERIES, kinds.count, '0', 'points that one InfluxQL SELECT may look at; 0 is no limit'),
  'max-select-series': setting(QUERIES, kinds.count, '0', 'series that one InfluxQL SELECT may read; 0 is no limit'),
  'max-select-buckets': setting(
    QUERIES,
    kinds.count,
    '5000000',
    'windows of GROUP BY time in one InfluxQL SELECT; 0 is no limit',
  ),
  'max-row-limit': setting(QUERIES, kinds.count, '0', 'rows in one InfluxQL answer that is not chunked; 0 is no limit'),
  'continuous-query-interval': setting(
    QUERIES,
    kinds.duration,
    '1s',
    'how often the server looks for InfluxQL continuous queries that are due; 0 runs none',
  ),

  rules: setting(RULES, kinds.files, [], 'rule files to evaluate, or patterns of them; SIGHUP reads them again'),
  'rules-interval': setting(RULES, kinds.interval, '1m', 'time between evaluations of groups that do not say'),
  'rules-query-offset': setting(
    RULES,
    kinds.duration,
    '0',
    'how far in the past groups that do not say are evaluated, for samples that come late',
  ),
  'rules-resend-delay': setting(RULES, kinds.interval, '1m', 'time between two notices of the same firing alert'),
  'rules-outage-tolerance': setting(
    RULES,
    kinds.duration,
    '1h',
    'longest outage behind which alerts go on as they were',
  ),
  'rules-grace-period': setting(
    RULES,
    kinds.duration,
    '10m',
    'least time until an alert with a longer `for` fires again behind an outage',
  ),
  'rules-database': setting(RULES, kinds.text, 'default', 'database that rules read and write'),
  alertmanager: setting(RULES, kinds.urls, [], 'an Alertmanager to send alerts to; may be repeated'),
  'alertmanager-queue': setting(
    RULES,
    kinds.positive,
    '10000',
    'alerts that wait for one Alertmanager; beyond, the oldest go',
  ),
  'alertmanager-timeout': setting(RULES, kinds.interval, '10s', 'longest one request to an Alertmanager may take'),
  'external-label': setting(RULES, kinds.pairs, [], 'a label for all alerts that are sent; may be repeated'),
  'external-url': optional(RULES, kinds.url, 'where this server is reached from outside, for links in alerts'),

  'internal-interval': setting(
    LOG,
    kinds.duration,
    '10s',
    'how often the server stores its own metrics in the database _internal; 0 is never',
  ),
  'internal-retention': setting(LOG, kinds.duration, '7d', 'how long the database _internal keeps them'),
  'log-level': setting(
    LOG,
    kinds.choice('debug', 'info', 'warn', 'error', 'silent'),
    'info',
    'least severe log line to print',
  ),
  'log-format': setting(LOG, kinds.choice('json', 'text'), 'json', 'log lines as JSON, or as text for people'),
} as const;

export type SettingName = keyof typeof SETTINGS;

type ValueOf<S> = S extends Setting<infer T> ? T : never;

/** The values of all settings. */
export type Settings = { -readonly [Name in SettingName]: ValueOf<(typeof SETTINGS)[Name]> };

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

/** The environment's spelling of a setting. */
export function environmentName(name: string): string {
  return `VARVE_${name.toUpperCase().replaceAll('-', '_')}`;
}
