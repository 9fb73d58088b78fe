/**
 * Grafana's own Prometheus client, the npm package @grafana/prometheus, in Node: what it draws with is replaced by things
 * that do nothing, what it asks with is real. Its requests go to Grafana's server, whose part is played here: resources are
 * passed on as its back end passes them on, queries are run as its back end runs them.
 *
 * The package is not among this project's own (it is large, and brings Grafana's page); `.ci/run` puts it where it is found.
 */
import { createRequire, registerHooks } from 'node:module';
import { join } from 'node:path';
import { askPrometheus, type DataSource, type PromSeries, runPromql } from './grafana-backend.ts';
import { havePackage } from './peers.ts';
import { ROOT } from './source-tree.ts';

const HOME = join(ROOT, 'node_modules/.cache/grafana');

/** What draws, and what only a browser has. */
const DRAWS =
  /^(?:@grafana\/(?:ui|plugin-ui|assistant|faro.*|i18n)|@emotion\/.*|react-(?:use.*|window|highlight-words|dom.*)|@hello-pangea\/dnd|monaco-.*|prismjs|@floating-ui\/react|systemjs.*)(?:\/.*)?$/;

const NOTHING = 'nothing:';

export interface Choice {
  text: string;
}

export interface Frame {
  refId?: string;
  name?: string;
  length: number;
  fields: { name: string; labels?: Record<string, string>; values: unknown[] }[];
}

/** The little of Grafana's types that the tests use. */
export interface GrafanaDatasource {
  init(): Promise<unknown>;
  exemplarsAvailable: boolean;
  ruleMappings: Record<string, unknown>;
  languageProvider: {
    start(range: unknown): Promise<unknown>;
    retrieveMetrics(): string[];
    retrieveLabelKeys(): string[];
    retrieveMetricsMetadata(): Record<string, { type: string; help: string }>;
    queryMetricsMetadata(): Promise<Record<string, { type: string; help: string }>>;
    queryLabelKeys(range: unknown, match?: string): Promise<string[]>;
    queryLabelValues(range: unknown, key: string, match?: string): Promise<string[]>;
  };
  metricFindQuery(query: string, options: unknown): Promise<Choice[]>;
  getTagKeys(options: unknown): Promise<Choice[]>;
  getTagValues(options: unknown): Promise<Choice[]>;
  testDatasource(): Promise<{ status: string; message: string }>;
  query(request: unknown): { subscribe(observer: object): unknown };
}

export interface GrafanaPackage {
  version: string;
  /** Opens a data source and starts listening to what it asks. */
  open(source: DataSource): { datasource: GrafanaDatasource; requests: string[] };
  /** A range as the picker of times holds it. */
  timeRange(fromMs: number, toMs: number): object;
}

export const haveGrafanaPackage = havePackage(HOME, '@grafana/prometheus');

/** Loads the package into this process, which is a browser to it from then on. */
export function loadGrafanaPackage(): GrafanaPackage {
  becomeBrowser();
  registerHooks({
    resolve: (specifier, context, next) =>
      DRAWS.test(specifier)
        ? { url: NOTHING + specifier, format: 'commonjs', shortCircuit: true }
        : next(specifier, context),
    load: (url, context, next) =>
      url.startsWith(NOTHING)
        ? { format: 'commonjs', source: 'module.exports = globalThis.grafanaNothing;', shortCircuit: true }
        : next(url, context),
  });
  const require = createRequire(join(HOME, 'package.json'));
  const { version } = require('@grafana/prometheus/package.json') as { version: string };
  const { PrometheusDatasource } = require('@grafana/prometheus') as {
    PrometheusDatasource: new (settings: object) => GrafanaDatasource;
  };
  const runtime = require('@grafana/runtime') as Record<string, (service: object) => void>;
  const { dateTime } = require('@grafana/data') as { dateTime(ms: number): object };
  const { from } = require('rxjs') as { from(promise: Promise<unknown>): unknown };
  runtime.setTemplateSrv(plainTemplates);
  return {
    version,
    timeRange(fromMs, toMs) {
      const raw = { from: dateTime(fromMs), to: dateTime(toMs) };
      return { ...raw, raw };
    },
    open(source) {
      const requests: string[] = [];
      runtime.setBackendSrv({ fetch: (request: BrowserRequest) => from(answer(source, request, requests)) });
      const datasource = new PrometheusDatasource({
        id: 1,
        uid: 'varve',
        name: 'Varve',
        type: 'prometheus',
        url: '/api/datasources/proxy/uid/varve',
        access: 'proxy',
        meta: { id: 'prometheus' },
        jsonData: {
          httpMethod: 'POST',
          timeInterval: `${source.intervalMs / 1000}s`,
          prometheusType: 'Prometheus',
          prometheusVersion: '3.5.0',
        },
      });
      return { datasource, requests };
    },
  };
}

/** Variables have been filled in before. */
const plainTemplates = {
  getVariables: () => [],
  getAdhocFilters: () => [],
  replace: (text: string) => text,
  containsTemplate: () => false,
  updateTimeRange: () => undefined,
};

function becomeBrowser(): void {
  // Anything can be read from it, called and constructed. Only a function of this kind can be constructed.
  const nothing: object = new Proxy(
    function nothingAtAll() {
      return nothing;
    },
    {
      get(target, key) {
        if (key === '__esModule') return true;
        if (key === Symbol.toPrimitive) return () => '';
        return key === 'prototype' ? Reflect.get(target, key) : nothing;
      },
      construct: () => ({}),
    },
  );
  const page = {
    addEventListener: () => undefined,
    createElement: () => nothing,
    querySelector: () => null,
    documentElement: nothing,
    head: nothing,
    body: nothing,
  };
  Object.assign(globalThis, {
    window: globalThis,
    document: page,
    grafanaNothing: nothing,
    addEventListener: () => undefined,
    localStorage: { getItem: () => null, setItem: () => undefined },
    location: { href: 'http://grafana.test/', search: '' },
    grafanaBootData: { settings: { featureToggles: {}, buildInfo: {}, datasources: {} }, user: {}, navTree: [] },
  });
}

interface BrowserRequest {
  url: string;
  method?: string;
  data?: Record<string, unknown>;
}

interface PanelQuery {
  refId: string;
  expr: string;
  instant?: boolean;
  exemplar?: boolean;
  maxDataPoints?: number;
}

/** Grafana's server: passes resources on, runs queries, tests the connection. */
async function answer(source: DataSource, request: BrowserRequest, requests: string[]): Promise<object> {
  const respond = (data: unknown) => ({ status: 200, ok: true, data });
  const resource = /^\/?api\/datasources\/uid\/varve\/resources\/(.*)$/.exec(request.url);
  if (resource !== null) return respond(await passOn(source, resource[1], request, requests));
  if (request.url.startsWith('/api/datasources/uid/varve/health')) return respond(await checkHealth(source, requests));
  if (!request.url.startsWith('/api/ds/query')) throw new Error(`nobody answers ${request.url}`);
  const { queries, from, to } = request.data as { queries: PanelQuery[]; from: string; to: string };
  const range = { fromMs: Number(from), toMs: Number(to) };
  const results: Record<string, object> = {};
  for (const { refId, expr, instant = false, maxDataPoints } of queries) {
    requests.push(`${instant ? 'query' : 'query_range'} ${refId}`);
    const series = await runPromql(source, expr, range, { maxDataPoints, instant });
    results[refId] = { status: 200, frames: series.map((one) => frameOf(refId, one)) };
  }
  return respond({ results });
}

/** Paths that Grafana asks with GET only; they are compared without a slash in front, so most do not match. */
const GET_ONLY = ['api/v1/label/', 'api/v1/metadata'];

async function passOn(source: DataSource, target: string, request: BrowserRequest, requests: string[]) {
  const [path, query = ''] = target.split('?');
  const form = new URLSearchParams(query);
  const body = new URLSearchParams(request.data as Record<string, string> | undefined);
  let response: Response | null = null;
  if (!GET_ONLY.some((prefix) => path.startsWith(prefix))) {
    const url = `${source.url}/${path}${query === '' ? '' : `?${query}`}`;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    response = await fetch(url, { method: 'POST', headers, body: body.toString() });
    requests.push(`POST ${path} ${response.status}`);
  }
  if (response === null || response.status === 405 || response.status === 400) {
    await response?.arrayBuffer();
    for (const [key, value] of body) form.append(key, value);
    response = await fetch(`${source.url}/${path}?${form}`);
    requests.push(`GET ${path} ${response.status}`);
  }
  const data = (await response.json()) as unknown;
  if (!response.ok) throw Object.assign(new Error(`${path}: ${response.status}`), { status: response.status, data });
  return data;
}

async function checkHealth(source: DataSource, requests: string[]): Promise<object> {
  // The range that is tested is from second 1 to second 4 of 1970.
  await askPrometheus(source, 'api/v1/query', { query: '1+1', time: '4' });
  requests.push('POST api/v1/query 1+1');
  const { data } = (await passOn(source, 'api/v1/status/buildinfo', { url: '' }, requests)) as {
    data: { features?: object };
  };
  const application = data.features === undefined ? 'Prometheus' : 'Mimir';
  const message = 'Successfully queried the Prometheus API.';
  return { status: 'OK', message, details: { application, features: { rulerApiEnabled: false } } };
}

function frameOf(refId: string, { metric, values, value }: PromSeries): object {
  const points = values ?? (value === undefined ? [] : [value]);
  const number = { name: metric.__name__ ?? 'Value', type: 'number', labels: metric };
  return {
    schema: { refId, fields: [{ name: 'Time', type: 'time' }, number] },
    data: { values: [points.map(([time]) => time * 1000), points.map(([, text]) => Number(text))] },
  };
}
