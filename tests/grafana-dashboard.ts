/** A dashboard of deploy/grafana as it is on disk, and what it asks when it is opened. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import {
  askInfluxql,
  askPrometheus,
  type DataSource,
  fillIn,
  type InfluxSeries,
  interpolateInfluxql,
  interpolatePromql,
  type PromSeries,
  stepOf,
  type TimeRange,
  type Variables,
} from './grafana-backend.ts';
import { ROOT } from './source-tree.ts';

export const DASHBOARDS = ['node-exporter', 'telegraf-system', 'varve'] as const;

const dataSource = z.strictObject({ type: z.enum(['prometheus', 'influxdb']), uid: z.literal('$' + '{datasource}') });

const target = z.looseObject({
  refId: z.string().min(1),
  datasource: dataSource,
  expr: z.string().optional(),
  instant: z.boolean().optional(),
  query: z.string().optional(),
  rawQuery: z.boolean().optional(),
});

const panel = z.looseObject({
  id: z.int(),
  type: z.enum(['row', 'timeseries', 'stat', 'gauge', 'table']),
  title: z.string().min(1),
  gridPos: z.strictObject({
    h: z.int().min(1),
    w: z.int().min(1).max(24),
    x: z.int().min(0).max(23),
    y: z.int().min(0),
  }),
  targets: z.array(target).optional(),
});

const variable = z.looseObject({
  name: z.string().min(1),
  type: z.enum(['datasource', 'query']),
  query: z.union([z.string(), z.strictObject({ query: z.string().min(1), refId: z.string() })]),
  multi: z.boolean(),
  includeAll: z.boolean(),
  regex: z.string(),
});

const annotation = z.looseObject({
  name: z.string().min(1),
  datasource: dataSource,
  enable: z.boolean(),
  expr: z.string().optional(),
  query: z.string().optional(),
  step: z.string().optional(),
});

/** What Grafana needs of a dashboard's JSON; it ignores what it does not know. */
const dashboard = z.looseObject({
  uid: z.string().regex(/^[a-zA-Z0-9_-]{1,40}$/),
  title: z.string().min(1),
  schemaVersion: z.int().min(36),
  time: z.strictObject({ from: z.string(), to: z.literal('now') }),
  templating: z.strictObject({ list: z.array(variable) }),
  annotations: z.strictObject({ list: z.array(annotation) }),
  panels: z.array(panel),
});

export type Dashboard = z.infer<typeof dashboard>;

export function readDashboard(name: (typeof DASHBOARDS)[number]): Dashboard {
  return dashboard.parse(JSON.parse(readFileSync(join(ROOT, 'deploy/grafana/dashboards', `${name}.json`), 'utf8')));
}

/** Asks for the choices of each variable in turn and takes the first, or all of those that offer it. */
export async function openVariables(opened: Dashboard, source: DataSource, range: TimeRange): Promise<Variables> {
  const values = new Map<string, string | readonly string[]>();
  for (const { name, type, query, regex, multi } of opened.templating.list) {
    if (type === 'datasource' || typeof query === 'string') continue;
    const choices = await choicesOf(query.query, values, source, range);
    const picked = regex === '' ? choices : choices.flatMap((text) => pick(text, regex));
    if (picked.length === 0) throw new Error(`variable ${name} of ${opened.title} has no choices: ${query.query}`);
    values.set(name, multi ? [...new Set(picked)] : picked[0]);
  }
  return values;
}

/** The part of a choice that a variable's regular expression takes. */
function pick(text: string, regex: string): string[] {
  const match = new RegExp(regex.replace(/^\/|\/$/g, '')).exec(text);
  return match === null ? [] : [match[1] ?? match[0]];
}

const LABEL_VALUES = /^label_values\((?:(.+),\s*)?([a-zA-Z_]\w*)\)$/;
const QUERY_RESULT = /^query_result\((.+)\)$/;

async function choicesOf(query: string, values: Variables, source: DataSource, range: TimeRange): Promise<string[]> {
  const startAndEnd = { start: String(Math.floor(range.fromMs / 1000)), end: String(Math.ceil(range.toMs / 1000)) };
  const labelValues = LABEL_VALUES.exec(query);
  if (labelValues !== null) {
    const [, selector, label] = labelValues;
    const parameters = { 'match[]': fillIn(selector, values, 'promql'), ...startAndEnd };
    return (await askPrometheus(source, `api/v1/label/${label}/values`, parameters, 'GET')) as string[];
  }
  const queryResult = QUERY_RESULT.exec(query);
  if (queryResult !== null) {
    const stepMs = stepOf(range, 1000, source.intervalMs);
    const expression = interpolatePromql(fillIn(queryResult[1], values, 'promql'), range, stepMs, source.intervalMs);
    const data = await askPrometheus(source, 'api/v1/query', { query: expression, time: startAndEnd.end });
    return (data as { result: PromSeries[] }).result.map(({ metric: { __name__ = '', ...labels }, value }) => {
      const pairs = Object.entries(labels).map(([name, text]) => `${name}="${text}"`);
      return `${__name__}{${pairs.join(',')}} ${value?.[1]} ${(value?.[0] ?? 0) * 1000}`;
    });
  }
  const results = await askInfluxql(source, interpolateInfluxql(fillIn(query, values, 'influxql'), range, 1000));
  const series = results.flatMap(({ series = [] }) => series);
  return series.flatMap(({ columns, values: rows }) => rows.map((row) => String(row[columns.indexOf('value')])));
}

/** Whether an answer has a number in it that can be drawn. */
export function hasNumbers(series: readonly (PromSeries | InfluxSeries)[]): boolean {
  return series.some((one) => {
    if ('columns' in one) return one.values.some((row) => row.slice(1).some((value) => Number.isFinite(value)));
    const values = one.values ?? (one.value === undefined ? [] : [one.value]);
    return values.some(([, text]) => Number.isFinite(Number(text)));
  });
}
