/** `npm run bench -- [NAME] [--hours H]`: measures the server; without a name, ingest. */
import { parseArgs } from 'node:util';
import { ALL_DEFAULTS, benchAll } from './all.ts';
import { benchInfluxql, INFLUXQL_DEFAULTS } from './influxql.ts';
import { benchInfluxqlSchema, INFLUXQL_SCHEMA_DEFAULTS } from './influxql-schema.ts';
import { benchIngest, INGEST_DEFAULTS } from './ingest.ts';
import { benchPromql, PROMQL_DEFAULTS } from './promql.ts';
import { benchPromqlCard } from './promql-card.ts';
import { benchRecovery } from './recovery.ts';
import { benchStorage } from './storage.ts';

const USAGE = `usage: npm run bench -- [ingest] [--hours 6] [--hosts 400] [--lines 5000] [--connections 2]

  all      ingest of every kind beside VictoriaMetrics, InfluxDB and Prometheus [--rounds 3] [--only NAME] [--document]
  ingest   the cpu workload by line protocol: rate, CPU, memory, bytes (default)
  recovery start after kill -9 with everything only in the log [--samples 10000000]
  storage  bytes on disk, memory, CPU and start times, beside VictoriaMetrics [--hours 24]
  promql   queries over data on disk, beside VictoriaMetrics [--hosts 400] [--hours 24] [--runs 21] [--keep]
  promql-card  queries over a million series [--keep]
  influxql TSBS's cpu-only queries in InfluxQL, beside influxd [--hosts 400] [--hours 24] [--runs 15] [--only NAME] [--keep]
  influxql-schema  SHOW statements over many series, beside influxd [--series 1000000] [--peer-series 100000] [--keep]
  --keep leaves the loaded data in the temporary directory and uses what is there.
`;

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        hours: { type: 'string' },
        hosts: { type: 'string' },
        lines: { type: 'string' },
        connections: { type: 'string' },
        samples: { type: 'string' },
        runs: { type: 'string' },
        series: { type: 'string' },
        'peer-series': { type: 'string' },
        only: { type: 'string' },
        rounds: { type: 'string' },
        document: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

const { positionals, values } = readArguments();

type NumberOption =
  | 'hours'
  | 'hosts'
  | 'lines'
  | 'connections'
  | 'samples'
  | 'runs'
  | 'series'
  | 'peer-series'
  | 'rounds';

function numberOf(option: NumberOption, fallback: number): number {
  const text = values[option];
  const value = text === undefined ? fallback : Number(text);
  if (value > 0) return value;
  console.error(`--${option}: give a number above 0 (it says '${text}')`);
  process.exit(2);
}

const name = positionals[0] ?? 'ingest';
if (values.help) {
  console.log(USAGE);
} else if (name === 'ingest') {
  await benchIngest({
    hosts: numberOf('hosts', INGEST_DEFAULTS.hosts),
    hours: numberOf('hours', INGEST_DEFAULTS.hours),
    linesPerBody: numberOf('lines', INGEST_DEFAULTS.linesPerBody),
    connections: numberOf('connections', INGEST_DEFAULTS.connections),
  });
} else if (name === 'all') {
  await benchAll({
    rounds: numberOf('rounds', ALL_DEFAULTS.rounds),
    document: values.document,
    only: values.only ?? '',
  });
} else if (name === 'storage') {
  await benchStorage(numberOf('hours', 24));
} else if (name === 'recovery') {
  await benchRecovery(numberOf('samples', 10_000_000));
} else if (name === 'influxql') {
  await benchInfluxql({
    hosts: numberOf('hosts', INFLUXQL_DEFAULTS.hosts),
    hours: numberOf('hours', INFLUXQL_DEFAULTS.hours),
    runs: numberOf('runs', INFLUXQL_DEFAULTS.runs),
    keep: values.keep,
    only: values.only ?? INFLUXQL_DEFAULTS.only,
  });
} else if (name === 'influxql-schema') {
  await benchInfluxqlSchema({
    series: numberOf('series', INFLUXQL_SCHEMA_DEFAULTS.series),
    peerSeries: numberOf('peer-series', INFLUXQL_SCHEMA_DEFAULTS.peerSeries),
    keep: values.keep,
  });
} else if (name === 'promql-card') {
  await benchPromqlCard(values.keep);
} else if (name === 'promql') {
  await benchPromql({
    hosts: numberOf('hosts', PROMQL_DEFAULTS.hosts),
    hours: numberOf('hours', PROMQL_DEFAULTS.hours),
    runs: numberOf('runs', PROMQL_DEFAULTS.runs),
    keep: values.keep,
  });
} else {
  console.error(`unknown benchmark '${name}'\n\n${USAGE}`);
  process.exitCode = 2;
}
