/** Explore: an expression, a time range, its graph or its table. The URL holds all of it. */
import { ApiError, type MatrixSeries, type QueryAnswer, queryInstant, queryRange } from '../api.ts';
import { type Chart, createChart, type Line, lineColour } from '../chart.ts';
import { append, h, replace } from '../dom.ts';
import { createEditor } from '../editor.ts';
import { dateTime, labelSet, sampleValue, short } from '../format.ts';
import { durationMs, durationText } from '../location.ts';
import type { Page, PageContext } from '../page.ts';

const RANGES = ['5m', '15m', '1h', '6h', '1d', '7d', '30d'];
const REFRESHES = ['', '5s', '15s', '1m'];
const DEFAULT_RANGE = '1h';
const POINTS = 300;
/** More lines cannot be told apart, and take long to draw. */
const MOST_LINES = 120;
const MOST_ROWS = 1000;

interface View {
  query: string;
  rangeMs: number;
  /** null is now. */
  endMs: number | null;
  view: 'graph' | 'table';
  refresh: string;
}

function viewOf(parameters: URLSearchParams): View {
  const end = Number(parameters.get('end') ?? 'now');
  return {
    query: parameters.get('q') ?? '',
    rangeMs: durationMs(parameters.get('range') ?? '') ?? (durationMs(DEFAULT_RANGE) as number),
    endMs: Number.isFinite(end) && end > 0 ? end : null,
    view: parameters.get('view') === 'table' ? 'table' : 'graph',
    refresh: REFRESHES.includes(parameters.get('refresh') ?? '') ? (parameters.get('refresh') ?? '') : '',
  };
}

export const explore: Page = {
  title: 'Explore',
  show(context) {
    const view = viewOf(context.parameters);
    const go = (change: Partial<View>, how: 'push' | 'replace' = 'push') => {
      const next = { ...view, query: editor.text(), ...change };
      context.go(
        'explore',
        {
          db: context.database,
          q: next.query,
          range: durationText(next.rangeMs),
          end: next.endMs === null ? '' : String(Math.round(next.endMs)),
          view: next.view === 'graph' ? '' : next.view,
          refresh: next.refresh,
        },
        how,
      );
    };
    const editor = createEditor(
      view.query,
      () => context.database,
      () => go({}),
    );
    const result = h('section', { class: 'result', 'aria-live': 'polite', 'aria-label': 'Result' });
    const element = h(
      'div',
      {},
      h(
        'form',
        {
          class: 'query',
          onsubmit: (event) => {
            event.preventDefault();
            go({});
          },
        },
        editor.element,
        h('button', { type: 'submit', class: 'primary' }, 'Run'),
      ),
      controls(view, go),
      result,
    );
    if (view.query.trim() === '') {
      replace(result, h('p', { class: 'hint' }, 'Type an expression and press Enter. Ctrl+Space completes names.'));
      queueMicrotask(() => editor.focus());
    } else {
      run(view, context, result, go);
    }
    return element;
  },
};

function controls(view: View, go: (change: Partial<View>) => void): HTMLElement {
  const shift = (share: number) => {
    const endMs = (view.endMs ?? Date.now()) + share * view.rangeMs;
    go({ endMs: endMs > Date.now() ? null : endMs });
  };
  const known = RANGES.some((range) => durationMs(range) === view.rangeMs);
  const range = h(
    'select',
    { 'aria-label': 'Time range', onchange: () => go({ rangeMs: durationMs(range.value) as number }) },
    known ? null : h('option', { value: durationText(view.rangeMs), selected: true }, durationText(view.rangeMs)),
    ...RANGES.map((text) => h('option', { value: text, selected: durationMs(text) === view.rangeMs }, `last ${text}`)),
  );
  const end = h('input', {
    type: 'datetime-local',
    step: 1,
    'aria-label': 'End of the range',
    value: view.endMs === null ? '' : dateTime(view.endMs).replace(' ', 'T'),
    onchange: () => {
      const ms = new Date(end.value).getTime();
      go({ endMs: Number.isNaN(ms) ? null : ms });
    },
  });
  const refresh = h(
    'select',
    { 'aria-label': 'Refresh', onchange: () => go({ refresh: refresh.value }) },
    ...REFRESHES.map((text) =>
      h('option', { value: text, selected: text === view.refresh }, text === '' ? 'no refresh' : `every ${text}`),
    ),
  );
  const tab = (name: View['view'], text: string) =>
    h(
      'button',
      { type: 'button', class: 'tab', 'aria-pressed': String(view.view === name), onclick: () => go({ view: name }) },
      text,
    );
  return h(
    'div',
    { class: 'controls' },
    h('div', { class: 'group', role: 'group', 'aria-label': 'View' }, tab('graph', 'Graph'), tab('table', 'Table')),
    h(
      'div',
      { class: 'group' },
      h('button', { type: 'button', title: 'Earlier', 'aria-label': 'Earlier', onclick: () => shift(-0.5) }, '◀'),
      range,
      h('button', { type: 'button', title: 'Later', 'aria-label': 'Later', onclick: () => shift(0.5) }, '▶'),
      h(
        'button',
        {
          type: 'button',
          title: 'Twice as long',
          'aria-label': 'Zoom out',
          onclick: () => go({ rangeMs: view.rangeMs * 2 }),
        },
        '−',
      ),
      end,
      view.endMs === null ? null : h('button', { type: 'button', onclick: () => go({ endMs: null }) }, 'now'),
    ),
    refresh,
  );
}

function run(view: View, context: PageContext, result: HTMLElement, go: (change: Partial<View>) => void): void {
  let chart: Chart | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  context.signal.addEventListener('abort', () => {
    clearTimeout(timer);
    chart?.destroy();
  });
  const once = async () => {
    result.setAttribute('aria-busy', 'true');
    const endMs = view.endMs ?? Date.now();
    const startedMs = performance.now();
    try {
      const parts =
        view.view === 'graph'
          ? await graph(view, endMs, context, go)
          : { chart: null, ...(await table(view, endMs, context)) };
      if (context.signal.aborted) return;
      chart?.destroy();
      ({ chart } = parts);
      const took = `${Math.round(performance.now() - startedMs)} ms`;
      replace(result, ...parts.children, h('p', { class: 'quiet took' }, `${parts.summary}, ${took}`));
    } catch (error) {
      if (context.signal.aborted) return;
      const text = error instanceof ApiError ? error.message : `This page has a fault: ${(error as Error).message}`;
      replace(result, h('p', { class: 'problem', role: 'alert' }, text));
    }
    result.removeAttribute('aria-busy');
    const everyMs = durationMs(view.refresh);
    if (everyMs !== null && view.endMs === null) timer = setTimeout(once, everyMs);
  };
  void once();
}

interface Shown {
  children: HTMLElement[];
  summary: string;
}

function notesOf({ notes }: QueryAnswer): HTMLElement[] {
  return notes.map((note) => h('p', { class: 'note' }, note));
}

async function graph(
  view: View,
  endMs: number,
  context: PageContext,
  go: (change: Partial<View>) => void,
): Promise<Shown & { chart: Chart | null }> {
  const stepSec = niceStep(view.rangeMs / 1000 / POINTS);
  const endSec = Math.ceil(endMs / 1000 / stepSec) * stepSec;
  const startSec = endSec - Math.floor(view.rangeMs / 1000 / stepSec) * stepSec;
  const scope = { database: context.database, signal: context.signal };
  const answer = await queryRange(view.query, startSec, endSec, stepSec, scope);
  if (answer.data.resultType !== 'matrix') throw new ApiError('The answer is not a set of series: look at the table.');
  const series = answer.data.result;
  if (series.length === 0) {
    const nothing = h('p', { class: 'hint' }, 'No series has data in this range.');
    return { chart: null, children: [...notesOf(answer), nothing], summary: 'no series' };
  }
  const times: number[] = [];
  for (let t = startSec; t <= endSec + stepSec / 1000; t += stepSec) times.push(t);
  const shown = series.slice(0, MOST_LINES);
  const lines = shown.map((one) => lineOf(one, startSec, stepSec, times.length));
  const legend = h('ul', { class: 'legend' });
  const chart = createChart(times, lines, {
    heightPx: 340,
    range: [startSec, endSec],
    onZoom: (from, to) => go({ rangeMs: Math.max(1000, (to - from) * 1000), endMs: to * 1000 }),
    onFocus: (line) => {
      for (const [i, item] of [...legend.children].entries()) item.classList.toggle('near', i === line);
    },
  });
  append(
    legend,
    lines.map((line, i) => legendItem(line, i, chart)),
  );
  const cut =
    series.length > MOST_LINES
      ? h('p', { class: 'note' }, `The first ${MOST_LINES} of ${series.length} series are drawn.`)
      : null;
  const points = series.reduce((sum, { values }) => sum + values.length, 0);
  return {
    chart,
    children: [...notesOf(answer), ...(cut === null ? [] : [cut]), chart.element, legend],
    summary: `${series.length} series, ${points} points, step ${durationText(stepSec * 1000)}`,
  };
}

function lineOf({ metric, values }: MatrixSeries, startSec: number, stepSec: number, count: number): Line {
  const line: (number | null)[] = new Array(count).fill(null);
  for (const [timeSec, text] of values) {
    const value = sampleValue(text);
    if (Number.isFinite(value)) line[Math.round((timeSec - startSec) / stepSec)] = value;
  }
  return { name: labelSet(metric), values: line };
}

function legendItem(line: Line, i: number, chart: Chart): HTMLElement {
  const last = line.values.findLast((value) => value !== null);
  const swatch = h('span', { class: 'swatch' });
  swatch.style.background = lineColour(i);
  const button = h(
    'button',
    {
      type: 'button',
      'aria-pressed': 'true',
      title: 'Hide or show this series',
      onclick: () => {
        chart.toggle(i);
        button.setAttribute('aria-pressed', String(button.getAttribute('aria-pressed') !== 'true'));
      },
    },
    swatch,
    h('span', { class: 'name' }, line.name),
    h('span', { class: 'last' }, last === null || last === undefined ? '' : short(last)),
  );
  return h('li', {}, button);
}

async function table(view: View, endMs: number, context: PageContext): Promise<Shown> {
  const scope = { database: context.database, signal: context.signal };
  const answer = await queryInstant(view.query, endMs / 1000, scope);
  const { data } = answer;
  const rows: [string, string][] = [];
  if (data.resultType === 'vector')
    for (const { metric, value } of data.result) rows.push([labelSet(metric), value[1]]);
  else if (data.resultType === 'matrix') {
    for (const { metric, values } of data.result) {
      rows.push([labelSet(metric), values.map(([at, value]) => `${value} @ ${dateTime(at * 1000)}`).join('\n')]);
    }
  } else rows.push([data.resultType, data.result[1]]);
  if (rows.length === 0) {
    return {
      children: [...notesOf(answer), h('p', { class: 'hint' }, 'No series has a value at this time.')],
      summary: 'no series',
    };
  }
  const body = rows
    .slice(0, MOST_ROWS)
    .map(([name, value]) => h('tr', {}, h('td', { class: 'mono' }, name), h('td', { class: 'number' }, value)));
  const cut =
    rows.length > MOST_ROWS
      ? [h('p', { class: 'note' }, `The first ${MOST_ROWS} of ${rows.length} series are listed.`)]
      : [];
  const head = h('thead', {}, h('tr', {}, h('th', {}, 'Series'), h('th', { class: 'number' }, 'Value')));
  return {
    children: [
      ...notesOf(answer),
      ...cut,
      h('div', { class: 'scroll' }, h('table', {}, head, h('tbody', {}, ...body))),
    ],
    summary: `${rows.length} series at ${dateTime(endMs)}`,
  };
}

const STEPS_SEC = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];

/** The first round step that is no shorter. */
function niceStep(leastSec: number): number {
  return STEPS_SEC.find((step) => step >= leastSec) ?? Math.ceil(leastSec / 86_400) * 86_400;
}
