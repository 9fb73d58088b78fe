/** `varve query`: PromQL or InfluxQL against a running server, as a table, JSON or CSV. */
import { type Command, Option } from 'commander';
import { parseDurationMs } from '../clock/duration.ts';
import { addClientOptions, type Client, ClientError, type ClientOptions, connect, runClient } from './client.ts';
import { csvOf, type Table, tableOf } from './table.ts';

interface QueryOptions extends ClientOptions {
  db: string;
  influxql: boolean;
  time?: string;
  start?: string;
  end?: string;
  step?: string;
  format: 'table' | 'json' | 'csv';
}

export function addQueryCommand(program: Command): void {
  const command = program
    .command('query')
    .description('ask a running server in PromQL or InfluxQL')
    .argument('<query>', 'PromQL; InfluxQL when it begins with SELECT or SHOW, or with --influxql')
    .option('--db <name>', 'database', 'default')
    .option('--influxql', 'the query is InfluxQL', false)
    .option('--time <time>', 'PromQL: when to evaluate; RFC 3339, seconds, or a duration ago such as 1h (default: now)')
    .option('--start <time>', 'PromQL: begin of a range; with --end and --step')
    .option('--end <time>', 'PromQL: end of a range (default: now)')
    .option('--step <duration>', 'PromQL: distance of the points of a range (default: 1m)')
    .addOption(new Option('--format <format>', 'how to print').choices(['table', 'json', 'csv']).default('table'));
  addClientOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  varve query 'rate(http_requests_total[5m])'
  varve query 'avg by (host) (cpu_usage)' --start 6h --step 5m --format csv
  varve query 'SELECT mean(usage) FROM cpu WHERE time > now() - 1h GROUP BY time(5m)'

Exit codes: 0 answered; 1 refused, or no server.`,
    )
    .action((query: string, options: QueryOptions) => runClient(() => ask(query, options)));
}

async function ask(query: string, options: QueryOptions): Promise<void> {
  const client = connect(options);
  const isInflux = options.influxql || /^\s*(select|show|explain)\s/i.test(query);
  const tables = isInflux ? await askInflux(client, query, options) : await askPrometheus(client, query, options);
  if (tables === null) return;
  process.stdout.write(tables.map(options.format === 'csv' ? csvOf : tableOf).join('\n'));
  if (tables.length === 0 && options.format === 'table') process.stderr.write('no series\n');
}

type Metric = Record<string, string>;

interface PrometheusData {
  resultType: 'vector' | 'matrix' | 'scalar' | 'string';
  result: { metric: Metric; value?: [number, string]; values?: [number, string][] }[] | [number, string];
}

/** Null when the answer is printed as it came. */
async function askPrometheus(client: Client, query: string, options: QueryOptions): Promise<Table[] | null> {
  const isRange = options.start !== undefined;
  const parameters = new URLSearchParams({ query, db: options.db });
  if (isRange) {
    parameters.set('start', timeOf(options.start as string, '--start'));
    parameters.set('end', timeOf(options.end ?? '0s', '--end'));
    parameters.set('step', options.step ?? '1m');
  } else if (options.time !== undefined) parameters.set('time', timeOf(options.time, '--time'));
  const path = isRange ? '/api/v1/query_range' : '/api/v1/query';
  const response = await client.request(path, { method: 'POST', body: parameters });
  const text = await response.text();
  if (options.format === 'json') {
    process.stdout.write(`${text.trimEnd()}\n`);
    return null;
  }
  const {
    data,
    warnings = [],
    infos = [],
  } = JSON.parse(text) as {
    data: PrometheusData;
    warnings?: string[];
    infos?: string[];
  };
  for (const note of [...warnings, ...infos]) process.stderr.write(`${note}\n`);
  return tablesOf(data);
}

/** One table: a column per label, then time and value. */
function tablesOf(data: PrometheusData): Table[] {
  if (data.resultType === 'scalar' || data.resultType === 'string') {
    const [time, value] = data.result as [number, string];
    return [{ title: '', columns: ['time', 'value'], rows: [[instant(time), value]] }];
  }
  const series = data.result as { metric: Metric; value?: [number, string]; values?: [number, string][] }[];
  if (series.length === 0) return [];
  const names = [...new Set(series.flatMap(({ metric }) => Object.keys(metric)))].sort();
  const rows = series.flatMap(({ metric, value, values = value === undefined ? [] : [value] }) => {
    const labels = names.map((name) => metric[name] ?? '');
    return values.map(([time, text]) => [...labels, instant(time), text]);
  });
  return [{ title: '', columns: [...names, 'time', 'value'], rows }];
}

interface InfluxSeries {
  name?: string;
  tags?: Record<string, string>;
  columns: string[];
  values?: (string | number | boolean | null)[][];
}

async function askInflux(client: Client, query: string, options: QueryOptions): Promise<Table[] | null> {
  const parameters = new URLSearchParams({ q: query, db: options.db });
  const accept = options.format === 'csv' ? 'application/csv' : 'application/json';
  const response = await client.request('/query', { method: 'POST', body: parameters, headers: { accept } });
  const text = await response.text();
  if (options.format !== 'table') {
    process.stdout.write(text);
    return null;
  }
  const { results } = JSON.parse(text) as { results: { series?: InfluxSeries[]; error?: string }[] };
  const error = results.find((result) => result.error !== undefined)?.error;
  if (error !== undefined) throw new ClientError(error, 200);
  return results.flatMap(({ series = [] }) =>
    series.map(({ name = '', tags = {}, columns, values = [] }) => {
      const title = [name, ...Object.entries(tags).map(([key, value]) => `${key}=${value}`)].filter(
        (part) => part !== '',
      );
      return { title: title.join(', '), columns, rows: values.map((row) => row.map((cell) => String(cell ?? ''))) };
    }),
  );
}

/** RFC 3339 and seconds as they are; a duration is so long ago. */
function timeOf(text: string, option: string): string {
  const agoMs = text === '0s' ? 0 : parseDurationMs(text);
  if (agoMs !== null && !/^\d+$/.test(text)) return String((Date.now() - agoMs) / 1000);
  if (/^\d+(\.\d+)?$/.test(text) || !Number.isNaN(Date.parse(text))) return text;
  throw new ClientError(
    `cannot read ${option} '${text}': give RFC 3339, seconds since 1970, or a duration such as 1h`,
    0,
  );
}

function instant(sec: number): string {
  return new Date(sec * 1000).toISOString();
}
