/** The servers that are measured side by side, each as its users start it: default settings, data in one directory. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CPU_FIELDS } from './cpu-workload.ts';
import { countSamples } from './ingest.ts';
import { type RunningServer, type ServerCommand, varve, victoriaMetrics } from './server.ts';

/** InfluxDB 1.x. Its log and statistics of itself are off; the log of writes is synced before an answer, as by default. */
const influxd: ServerCommand = {
  name: 'influxdb',
  command: 'influxd',
  args(port, dataDir) {
    const path = join(dataDir, 'influxdb.conf');
    writeFileSync(
      path,
      `reporting-disabled = true
bind-address = "127.0.0.1:${port + 1}"
[meta]
  dir = "${dataDir}/meta"
[data]
  dir = "${dataDir}/data"
  wal-dir = "${dataDir}/wal"
  max-series-per-database = 0
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
[logging]
  level = "error"
`,
    );
    return ['run', '-config', path];
  },
  readyPath: '/ping',
};

const prometheus: ServerCommand = {
  name: 'prometheus',
  command: 'prometheus',
  args(port, dataDir) {
    const path = join(dataDir, 'prometheus.yml');
    writeFileSync(path, 'global: {}\n');
    return [
      `--config.file=${path}`,
      `--storage.tsdb.path=${dataDir}/tsdb`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-remote-write-receiver',
      '--storage.tsdb.retention.time=100y',
      '--log.level=error',
    ];
  },
  readyPath: '/-/ready',
};

/** What a load is written as. */
export type Protocol = 'line' | 'remote';

export interface Peer {
  readonly command: ServerCommand;
  readonly takes: readonly Protocol[];
  /** Readies a fresh server for writes; resolves with the URL to write to. */
  writeUrl(server: RunningServer, protocol: Protocol): Promise<string>;
  /** Values of the cpu workload's `seconds` that the server shows. */
  count(server: RunningServer, seconds: number): Promise<number>;
}

const DATABASE = 'bench';

export const PEERS: readonly Peer[] = [
  {
    command: varve,
    takes: ['line', 'remote'],
    writeUrl: async ({ url }, protocol) => url + (protocol === 'line' ? '/write' : '/api/v1/write'),
    count: countByPromql,
  },
  {
    command: victoriaMetrics,
    takes: ['line', 'remote'],
    writeUrl: async ({ url }, protocol) => url + (protocol === 'line' ? '/write' : '/api/v1/write'),
    async count(server, seconds) {
      await (await fetch(`${server.url}/internal/force_flush`)).text();
      return countByPromql(server, seconds);
    },
  },
  {
    command: influxd,
    takes: ['line'],
    async writeUrl({ url }) {
      const body = new URLSearchParams({ q: `CREATE DATABASE ${DATABASE}` });
      await (await fetch(`${url}/query`, { method: 'POST', body })).text();
      return `${url}/write?db=${DATABASE}`;
    },
    async count({ url }) {
      const q = `SELECT ${CPU_FIELDS.map((field) => `count(${field})`).join(', ')} FROM cpu`;
      const response = await fetch(`${url}/query?${new URLSearchParams({ db: DATABASE, q })}`);
      const { results } = (await response.json()) as { results: { series?: { values: number[][] }[] }[] };
      const [, ...counts] = (results[0].series?.[0].values[0] ?? [0]) as [unknown, ...number[]];
      return counts.reduce((sum, count) => sum + count, 0);
    },
  },
  {
    command: prometheus,
    takes: ['remote'],
    writeUrl: async ({ url }) => `${url}/api/v1/write`,
    count: countByPromql,
  },
];

function countByPromql({ url }: RunningServer, seconds: number): Promise<number> {
  return countSamples(url, seconds);
}
