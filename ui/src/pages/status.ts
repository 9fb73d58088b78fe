/** Status: how the server does, drawn from its own metrics, and how it is set. */
import { databases, queryRange, status } from '../api.ts';
import { type Chart, createChart, lineColour, type Unit } from '../chart.ts';
import { h, replace } from '../dom.ts';
import { bytes, sampleValue, span, whole } from '../format.ts';
import { hashOf } from '../location.ts';
import { fill, type Page, type PageContext } from '../page.ts';
import { INTERNAL_DATABASE } from '../server.ts';

const RANGE_SEC = 3600;
const STEP_SEC = 15;
const REFRESH_MS = 10_000;

/** What is drawn, a line per series of the expression, and what is said while there is none. */
const PANELS: [title: string, query: string, unit: Unit, none?: string][] = [
  [
    'Values written per second',
    'sum by (protocol) (rate(varve_ingest_values_total[1m]))',
    'number',
    'Nothing has been written since the server was started.',
  ],
  ['Requests per second', 'sum by (route) (rate(varve_http_requests_total[1m])) > 0', 'number'],
  ['CPU, cores', 'rate(process_cpu_seconds_total[1m])', 'number'],
  ['Resident memory', 'process_resident_memory_bytes', 'bytes'],
  [
    'Log sync, 99th percentile',
    'histogram_quantile(0.99, rate(varve_wal_sync_duration_seconds_bucket[1m]))',
    'seconds',
  ],
  ['Memtables', 'varve_memtable_bytes', 'bytes'],
];

export const statusPage: Page = {
  title: 'Status',
  show(context) {
    const figures = h('div', {});
    const panels = h('div', { class: 'columns' });
    const problem = h('div', {});
    const settings = h('div', {});
    void fill(settings, async () => {
      const flags = await status('flags', context);
      const rows = Object.entries(flags).map(([name, value]) =>
        h('tr', {}, h('td', { class: 'mono' }, name), h('td', { class: 'mono' }, String(value))),
      );
      replace(settings, h('div', { class: 'scroll' }, h('table', {}, h('tbody', {}, ...rows))));
    });
    const charts = PANELS.map(([title, query, unit, none]) => new LivePanel(title, query, unit, context, none));
    replace(panels, ...charts.map(({ element }) => element));
    const draw = async () => {
      void fill(figures, () => showFigures(figures, context));
      const problems = await Promise.all(charts.map((panel) => panel.draw()));
      if (context.signal.aborted) return;
      // What hinders one hinders all: who may not read the server's own metrics, say.
      const [first] = problems;
      panels.hidden = first !== null;
      replace(problem, first === null ? null : h('p', { class: 'problem', role: 'alert' }, first));
    };
    void draw();
    const timer = setInterval(() => void draw(), REFRESH_MS);
    context.signal.addEventListener('abort', () => {
      clearInterval(timer);
      for (const panel of charts) panel.destroy();
    });
    return h(
      'div',
      {},
      figures,
      problem,
      panels,
      h('details', { class: 'panel' }, h('summary', {}, 'Settings'), settings),
    );
  },
};

async function showFigures(target: HTMLElement, context: PageContext): Promise<void> {
  const [build, runtime, all] = await Promise.all([
    status('buildinfo', context),
    status('runtimeinfo', context),
    databases(context.signal),
  ]);
  const startMs = new Date(String(runtime.startTime)).getTime();
  const pairs: [string, string][] = [
    ['version', String(build.revision).replace(/^varve-/, '')],
    ['up for', span(Math.max(1000, Date.now() - startMs))],
    ['databases', whole(all.length)],
    ['series', whole(all.reduce((sum, { series }) => sum + series, 0))],
    ['on disk', bytes(all.reduce((sum, { fileBytes }) => sum + fileBytes, 0))],
    ['Node', String(runtime.nodeVersion)],
  ];
  replace(
    target,
    h('dl', { class: 'figures' }, ...pairs.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value)))),
  );
}

/** A small chart that is drawn again and again. */
class LivePanel {
  readonly element: HTMLElement;
  private readonly body: HTMLElement;
  private readonly query: string;
  private readonly unit: Unit;
  private readonly context: PageContext;
  private chart: Chart | null = null;

  constructor(
    title: string,
    query: string,
    unit: Unit,
    context: PageContext,
    none = 'Waiting for the first measurements …',
  ) {
    this.body = h('div', {}, h('p', { class: 'hint' }, none));
    this.query = query;
    this.unit = unit;
    this.context = context;
    const link = h('a', { href: hashOf('explore', { db: INTERNAL_DATABASE, q: query }) }, title);
    this.element = h('section', { class: 'panel' }, h('h2', {}, link), this.body);
  }

  destroy(): void {
    this.chart?.destroy();
    this.chart = null;
  }

  /** What is wrong, in the server's words, or null. */
  async draw(): Promise<string | null> {
    const endSec = Math.floor(Date.now() / 1000 / STEP_SEC) * STEP_SEC;
    const startSec = endSec - RANGE_SEC;
    try {
      const scope = { database: INTERNAL_DATABASE, signal: this.context.signal };
      const { data } = await queryRange(this.query, startSec, endSec, STEP_SEC, scope);
      if (data.resultType !== 'matrix' || data.result.length === 0 || this.context.signal.aborted) return null;
      const times = Array.from({ length: RANGE_SEC / STEP_SEC + 1 }, (_, i) => startSec + i * STEP_SEC);
      const lines = data.result.map(({ metric, values }) => {
        const line: (number | null)[] = new Array(times.length).fill(null);
        for (const [at, text] of values) {
          const value = sampleValue(text);
          if (Number.isFinite(value)) line[Math.round((at - startSec) / STEP_SEC)] = value;
        }
        return { name: metric.protocol ?? metric.route ?? '', values: line };
      });
      const first = lines.reduce((least, { values }) => {
        const at = values.findIndex((value) => value !== null);
        return at < 0 ? least : Math.min(least, at);
      }, times.length - 1);
      // A server that has just started fills its charts from the left, not a sliver at the right end of an hour.
      const fromSec = Math.min(times[first], endSec - 5 * 60);
      const chart = createChart(times, lines, {
        heightPx: 170,
        range: [fromSec, endSec],
        unit: this.unit,
        pointer: this.chart?.pointer(),
      });
      this.destroy();
      this.chart = chart;
      replace(this.body, chart.element, lines.length > 1 ? namesOf(lines) : null);
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  }
}

function namesOf(lines: readonly { name: string }[]): HTMLElement {
  const items = lines.map(({ name }, i) => {
    const swatch = h('span', { class: 'swatch' });
    swatch.style.background = lineColour(i);
    return h('li', {}, swatch, name);
  });
  return h('ul', { class: 'names' }, ...items);
}
