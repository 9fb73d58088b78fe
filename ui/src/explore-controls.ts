/** The controls of Explore: graph or table, the time range, how often it is asked again. */
import { h, replace } from './dom.ts';
import { dateTime } from './format.ts';
import { durationMs, durationText } from './location.ts';

/** What Explore shows. */
export interface View {
  query: string;
  rangeMs: number;
  /** null is now. */
  endMs: number | null;
  view: 'graph' | 'table';
  /** A duration, or empty. */
  refresh: string;
}

export interface Controls {
  readonly element: HTMLElement;
  update(view: View): void;
  zoom(fromMs: number, toMs: number): void;
  zoomOut(): void;
}

const RANGES = ['5m', '15m', '1h', '6h', '1d', '7d', '30d'];
/** How often a query can be asked again; the first is never. */
export const REFRESHES = ['', '5s', '15s', '1m'];
const LONGEST_MS = 20 * 366 * 86_400_000;
/** Browsers report each part of a date that is typed. */
const TYPING_MS = 600;

/**
 * @param current what is shown now.
 * @param go shows it with a change.
 */
export function createControls(current: () => View, go: (change: Partial<View>) => void): Controls {
  const tabs = (['graph', 'table'] as const).map((name) =>
    h(
      'button',
      { type: 'button', class: 'tab', onclick: () => go({ view: name }) },
      name === 'graph' ? 'Graph' : 'Table',
    ),
  );
  const range = h('select', {
    'aria-label': 'Time range',
    onchange: () => go({ rangeMs: durationMs(range.value) as number }),
  });
  let typing: ReturnType<typeof setTimeout> | undefined;
  const end = h('input', {
    type: 'datetime-local',
    step: 1,
    'aria-label': 'End of the range',
    onchange: () => {
      clearTimeout(typing);
      typing = setTimeout(() => {
        const ms = new Date(end.value).getTime();
        go({ endMs: Number.isNaN(ms) ? null : ms });
      }, TYPING_MS);
    },
  });
  const now = h('button', { type: 'button', onclick: () => go({ endMs: null }) }, 'now');
  const refresh = h(
    'select',
    { 'aria-label': 'Refresh', onchange: () => go({ refresh: refresh.value }) },
    ...REFRESHES.map((text) => h('option', { value: text }, text === '' ? 'no refresh' : `every ${text}`)),
  );

  function shift(share: number): void {
    const { endMs, rangeMs } = current();
    const next = (endMs ?? Date.now()) + share * rangeMs;
    go({ endMs: next > Date.now() ? null : next });
  }

  /** Twice as long, about the same middle as far as there is time after it. */
  function zoomOut(): void {
    const { endMs, rangeMs } = current();
    const next = endMs === null ? null : endMs + rangeMs / 2;
    go({
      rangeMs: Math.min(LONGEST_MS, rangeMs * 2),
      endMs: next === null || next > Date.now() ? null : next,
    });
  }

  const icon = (text: string, label: string, title: string, onclick: () => void) =>
    h('button', { type: 'button', title, 'aria-label': label, onclick }, text);

  return {
    element: h(
      'div',
      { class: 'controls' },
      h('div', { class: 'group', role: 'group', 'aria-label': 'View' }, ...tabs),
      h(
        'div',
        { class: 'group' },
        icon('◀', 'Earlier', 'Earlier by half of the range', () => shift(-0.5)),
        range,
        icon('▶', 'Later', 'Later by half of the range', () => shift(0.5)),
        icon('−', 'Zoom out', 'Twice as long (or a double click on the graph)', zoomOut),
        h('label', { class: 'inline' }, 'until', end),
        now,
      ),
      refresh,
    ),
    update(view) {
      for (const tab of tabs) {
        tab.setAttribute('aria-pressed', String(tab.textContent?.toLowerCase() === view.view));
      }
      const text = durationText(view.rangeMs);
      const isKnown = RANGES.some((known) => durationMs(known) === view.rangeMs);
      replace(
        range,
        ...(isKnown ? RANGES : [text, ...RANGES]).map((one) =>
          h(
            'option',
            { value: one, selected: durationMs(one) === view.rangeMs },
            view.endMs === null ? `last ${one}` : one,
          ),
        ),
      );
      // While somebody types a date, it is theirs.
      if (document.activeElement !== end) end.value = view.endMs === null ? '' : dateTime(view.endMs).replace(' ', 'T');
      now.hidden = view.endMs === null;
      refresh.value = view.refresh;
    },
    zoom: (fromMs, toMs) => go({ rangeMs: Math.max(1000, toMs - fromMs), endMs: toMs }),
    zoomOut,
  };
}
