/**
 * Explore: an expression, a time range, its graph or its table. The URL holds all of it.
 *
 * The page stays while the URL changes from one view of it to another: editor and controls keep the keyboard, and what is
 * shown stays until the next answer is there.
 */
import { ApiError, type MatrixSeries, type QueryAnswer, queryInstant, queryRange } from '../api.ts';
import { type Chart, createChart, type Line, lineColour } from '../chart.ts';
import { append, h, replace } from '../dom.ts';
import { createEditor, type Editor } from '../editor.ts';
import { type Controls, createControls, REFRESHES, type View } from '../explore-controls.ts';
import { dateTime, labelSet, sampleValue, short, timeZone, whole } from '../format.ts';
import { durationMs, durationText } from '../location.ts';
import type { Page, PageContext } from '../page.ts';

const DEFAULT_RANGE = '1h';
const POINTS = 300;
/** More lines cannot be told apart, and take long to draw. */
const MOST_LINES = 120;
const MOST_ROWS = 1000;
/** How far the last point may be ahead of the end, for the points to stay where they are when the range moves on. */
const MOST_AHEAD_SEC = 60;
/** An expression with a range brings many values a row. */
const MOST_VALUES = 20_000;

type Go = (change: Partial<View>, how?: 'push' | 'replace') => void;

/** What stays while the view changes. */
interface Kept {
  readonly element: HTMLElement;
  readonly editor: Editor;
  readonly controls: Controls;
  readonly result: HTMLElement;
  /** Of what is shown now. */
  context: PageContext;
  view: View;
  chart: Chart | null;
  /** Names of series that the legend has switched off. */
  hidden: Set<string>;
}

let kept: Kept | null = null;

function viewOf(parameters: URLSearchParams): View {
  const end = Number(parameters.get('end') ?? 'now');
  return {
    query: parameters.get('q') ?? '',
    rangeMs: durationMs(parameters.get('range') ?? '') ?? (durationMs(DEFAULT_RANGE) as number),
    endMs: Number.isFinite(end) && end > 0 ? end : null,
    view: parameters.get('view') === 'table' ? 'table' : 'graph',
    refresh: REFRESHES.find((text) => text === parameters.get('refresh')) ?? '',
  };
}

export const explore: Page = {
  title: 'Explore',
  show(context) {
    const view = viewOf(context.parameters);
    // One that is no longer on the page belongs to an earlier visit.
    const page = kept?.element.isConnected ? kept : build(context, view);
    kept = page;
    if (page.view.query !== view.query || page.context.database !== context.database) page.hidden.clear();
    page.context = context;
    page.view = view;
    page.editor.setText(view.query);
    page.controls.update(view);
    if (view.query.trim() === '') {
      page.chart?.destroy();
      page.chart = null;
      page.result.removeAttribute('aria-busy');
      const hint = 'Type an expression and press Enter. Ctrl+Space completes names.';
      replace(page.result, h('p', { class: 'hint' }, hint));
      queueMicrotask(() => page.editor.focus());
    } else {
      run(page);
    }
    return page.element;
  },
};

function build(context: PageContext, view: View): Kept {
  const go: Go = (change, how = 'push') => {
    const next = { ...page.view, query: page.editor.text(), ...change };
    page.context.go(
      'explore',
      {
        db: page.context.database,
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
    () => page.context.database,
    () => go({}),
  );
  const controls = createControls(() => page.view, go);
  const result = h('section', { class: 'result', 'aria-label': 'Result' });
  const submit = (event: Event) => {
    event.preventDefault();
    go({});
  };
  const element = h(
    'div',
    {},
    h(
      'form',
      { class: 'query', onsubmit: submit },
      editor.element,
      h('button', { type: 'submit', class: 'primary' }, 'Run'),
    ),
    controls.element,
    result,
  );
  const page: Kept = { element, editor, controls, result, context, view, chart: null, hidden: new Set() };
  return page;
}

function run(page: Kept): void {
  const { context, view, result } = page;
  let timer: ReturnType<typeof setTimeout> | undefined;
  context.signal.addEventListener('abort', () => clearTimeout(timer));
  const once = async () => {
    result.setAttribute('aria-busy', 'true');
    const endMs = view.endMs ?? Date.now();
    const startedMs = performance.now();
    let shown: Shown;
    let problem: string | null = null;
    try {
      shown = view.view === 'graph' ? await graph(page, endMs) : await table(view, endMs, context);
      const took = `${Math.round(performance.now() - startedMs)} ms`;
      shown.children.push(h('p', { class: 'quiet took', role: 'status' }, `${shown.summary}, ${took}`));
    } catch (error) {
      problem = error instanceof ApiError ? error.message : `This page has a fault: ${(error as Error).message}`;
      shown = { chart: null, summary: '', children: [h('p', { class: 'problem', role: 'alert' }, problem)] };
    }
    if (context.signal.aborted) {
      shown.chart?.destroy();
      return;
    }
    if (page.editor.text() === view.query) page.editor.showError(problem);
    page.chart?.destroy();
    page.chart = shown.chart;
    replace(result, ...shown.children);
    result.removeAttribute('aria-busy');
    const everyMs = durationMs(view.refresh);
    if (everyMs !== null && view.endMs === null) timer = setTimeout(once, everyMs);
  };
  void once();
}

interface Shown {
  chart: Chart | null;
  children: HTMLElement[];
  summary: string;
}

function notesOf({ notes }: QueryAnswer): HTMLElement[] {
  return notes.map(noteOf);
}

function countOf(series: number, { isCut }: QueryAnswer): string {
  return isCut ? `more than ${whole(series)}` : whole(series);
}

function noteOf(text: string): HTMLElement {
  return h('p', { class: 'note' }, text);
}

async function graph(page: Kept, endMs: number): Promise<Shown> {
  const { view, context } = page;
  const stepSec = niceStep(view.rangeMs / 1000 / POINTS);
  // A long step must not carry the end into the future, where nothing is.
  const gridSec = Math.min(stepSec, MOST_AHEAD_SEC);
  const endSec = Math.ceil(endMs / 1000 / gridSec) * gridSec;
  const startSec = endSec - Math.floor(view.rangeMs / 1000 / stepSec) * stepSec;
  const scope = { database: context.database, signal: context.signal };
  const answer = await queryRange(view.query, startSec, endSec, stepSec, scope);
  if (answer.data.resultType !== 'matrix') throw new ApiError('The answer is not a set of series: look at the table.');
  const series = answer.data.result;
  const points = series.reduce((sum, { values }) => sum + values.length, 0);
  const count = countOf(series.length, answer);
  const summary = `${count} series, ${whole(points)} points, step ${durationText(stepSec * 1000)}, times in ${timeZone()}`;
  const notes = notesOf(answer);
  if (series.length === 0) {
    notes.push(h('p', { class: 'hint' }, 'No series has data in this range.'));
    return { chart: null, children: notes, summary: 'no series' };
  }
  const times: number[] = [];
  for (let t = startSec; t <= endSec + stepSec / 1000; t += stepSec) times.push(t);
  const shown = series.slice(0, MOST_LINES);
  if (shown.length < series.length) noteCut();
  const lines = shown.map((one) => lineOf(one, startSec, stepSec, times.length));
  const asked = shown.reduce((sum, { values }) => sum + values.length, 0);
  const drawn = lines.reduce((sum, { values }) => sum + values.filter((value) => value !== null).length, 0);
  if (drawn < asked) {
    notes.push(
      noteOf(
        `${whole(asked - drawn)} of ${whole(asked)} values are NaN or infinite and not drawn: the table has them.`,
      ),
    );
  }
  if (drawn === 0) return { chart: null, children: notes, summary };
  const items: HTMLElement[] = [];
  const chart = createChart(times, lines, {
    heightPx: 340,
    range: [startSec, endSec],
    pointer: page.chart?.pointer(),
    onZoom: (from, to) => page.controls.zoom(from * 1000, to * 1000),
    onZoomOut: () => page.controls.zoomOut(),
    onFocus: (line) => {
      for (const [i, item] of items.entries()) item.classList.toggle('near', i === line);
    },
  });
  items.push(...legendOf(page, lines, chart));
  return { chart, children: [...notes, chart.element, h('ul', { class: 'legend' }, ...items)], summary };

  function noteCut(): void {
    notes.push(noteOf(`The first ${MOST_LINES} of ${count} series are drawn.`));
  }
}

function lineOf({ metric, values }: MatrixSeries, startSec: number, stepSec: number, count: number): Line {
  const line: (number | null)[] = new Array(count).fill(null);
  for (const [timeSec, text] of values) {
    const value = sampleValue(text);
    if (Number.isFinite(value)) line[Math.round((timeSec - startSec) / stepSec)] = value;
  }
  return { name: labelSet(metric), values: line };
}

/** The legend: a click leaves only that series, another one brings all back; with Ctrl it hides or shows that one. */
function legendOf(page: Kept, lines: readonly Line[], chart: Chart): HTMLElement[] {
  const { hidden } = page;
  const buttons = lines.map((line, i) => {
    const last = line.values.findLast((value) => value !== null);
    const swatch = h('span', { class: 'swatch' });
    swatch.style.background = lineColour(i);
    return h(
      'button',
      {
        type: 'button',
        title: 'Show only this series; with Ctrl, hide or show it',
        onclick: (event) => {
          const { ctrlKey, metaKey } = event as MouseEvent;
          choose(line.name, ctrlKey || metaKey);
        },
        onmouseenter: () => chart.highlight(i),
        onmouseleave: () => chart.highlight(-1),
      },
      swatch,
      h('span', { class: 'name' }, line.name),
      h('span', { class: 'last' }, last === null || last === undefined ? '' : short(last)),
    );
  });

  function choose(name: string, isOne: boolean): void {
    if (isOne) {
      if (!hidden.delete(name)) hidden.add(name);
    } else {
      const isOnly = lines.every((line) => hidden.has(line.name) === (line.name !== name));
      hidden.clear();
      if (!isOnly) for (const line of lines) if (line.name !== name) hidden.add(line.name);
    }
    draw();
  }

  function draw(): void {
    for (const [i, { name }] of lines.entries()) {
      buttons[i].setAttribute('aria-pressed', String(!hidden.has(name)));
      chart.show(i, !hidden.has(name));
    }
  }

  draw();
  return buttons.map((button) => h('li', {}, button));
}

async function table(view: View, endMs: number, context: PageContext): Promise<Shown> {
  const scope = { database: context.database, signal: context.signal };
  const answer = await queryInstant(view.query, endMs / 1000, scope);
  const { data } = answer;
  const rows: [string, string][] = [];
  let valueCount = 0;
  if (data.resultType === 'vector')
    for (const { metric, value } of data.result) rows.push([labelSet(metric), value[1]]);
  else if (data.resultType === 'matrix') {
    for (const { metric, values } of data.result) {
      if (valueCount >= MOST_VALUES) break;
      valueCount += values.length;
      const cut = values.slice(0, MOST_VALUES);
      rows.push([labelSet(metric), cut.map(([at, value]) => `${value} @ ${dateTime(at * 1000)}`).join('\n')]);
    }
  } else rows.push([data.resultType, data.result[1]]);
  const found = data.resultType === 'vector' || data.resultType === 'matrix' ? data.result.length : 1;
  const count = countOf(found, answer);
  const children = notesOf(answer);
  if (rows.length === 0) {
    children.push(h('p', { class: 'hint' }, 'No series has a value at this time.'));
    return { chart: null, children, summary: 'no series' };
  }
  const listed = rows.slice(0, MOST_ROWS);
  if (listed.length < found) {
    children.push(noteOf(`The first ${whole(listed.length)} of ${count} series are listed.`));
  }
  const head = h('thead', {}, h('tr', {}, h('th', {}, 'Series'), h('th', { class: 'number' }, 'Value')));
  const body = h('tbody', {});
  append(
    body,
    listed.map(([name, value]) => h('tr', {}, h('td', { class: 'mono' }, name), h('td', { class: 'number' }, value))),
  );
  children.push(h('div', { class: 'scroll' }, h('table', {}, head, body)));
  return { chart: null, children, summary: `${count} series at ${dateTime(endMs)} ${timeZone()}` };
}

const STEPS_SEC = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];

/** The first round step that is no shorter. */
function niceStep(leastSec: number): number {
  return STEPS_SEC.find((step) => step >= leastSec) ?? Math.ceil(leastSec / 86_400) * 86_400;
}
