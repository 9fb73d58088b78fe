/** Lines over time, by uPlot: one colour per series, zoom by drag, the value and the series under the pointer. */
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { h, replace } from './dom.ts';
import { axisLabels, bytes, dateTime, seconds } from './format.ts';

export interface Line {
  name: string;
  /** Parallel to the times; null is a gap. */
  values: (number | null)[];
}

/** Where the pointer is, in pixels from the left top of the plot. */
export interface Pointer {
  left: number;
  top: number;
}

export interface Chart {
  readonly element: HTMLElement;
  /** Hides or shows a line. */
  show(line: number, isShown: boolean): void;
  /** Lets a line stand out, or none (-1). */
  highlight(line: number): void;
  /** Where the pointer is, to be given to the chart that takes this one's place. */
  pointer(): Pointer | undefined;
  destroy(): void;
}

export interface ChartOptions {
  heightPx: number;
  /** A range that was dragged over, s. */
  onZoom?: (fromSec: number, toSec: number) => void;
  /** A double click. */
  onZoomOut?: () => void;
  /** The line nearest to the pointer, or -1. */
  onFocus?: (line: number) => void;
  /** The range of the axis, s. */
  range: [fromSec: number, toSec: number];
  /** What the values are. */
  unit?: Unit;
  pointer?: Pointer | undefined;
}

export type Unit = 'number' | 'bytes' | 'seconds';

const HUES = 12;

/** The colour of the n-th line: neighbours differ in hue, the next dozen in lightness. */
export function lineColour(n: number): string {
  const hue = ((n * 5) % HUES) * (360 / HUES) + 200;
  return `hsl(${hue % 360} 65% ${n % 24 < HUES ? 'var(--line-light)' : 'var(--line-dark)'})`;
}

/** Canvas knows no CSS variables. */
function resolved(colour: string, style: CSSStyleDeclaration): string {
  return colour.replace(/var\((--[a-z-]+)\)/g, (_, name: string) => style.getPropertyValue(name).trim());
}

/** Times of an axis, on a line of its own the date where a day begins, or the year where one does. */
function timeTicks(splits: number[], stepSec: number): string[] {
  let last = '';
  return splits.map((sec) => {
    const [date, time] = dateTime(sec * 1000).split(' ');
    const year = date.slice(0, 4);
    const isDays = stepSec >= 86_400;
    const isNew = (isDays ? year : date) !== last;
    last = isDays ? year : date;
    const short = isDays ? date.slice(5) : stepSec >= 60 ? time.slice(0, 5) : time;
    if (!isNew) return short;
    return `${short}\n${isDays ? year : date.slice(5)}`;
  });
}

function valueTicks(values: number[], step: number, unit: Unit): string[] {
  if (unit === 'bytes') return values.map(bytes);
  return unit === 'seconds' ? values.map(seconds) : axisLabels(values, step);
}

/** Steps that are round in bytes. */
const BYTE_STEPS = Array.from({ length: 50 }, (_, exponent) => 2 ** exponent);

/** What uPlot's axes cannot have: values of more digits, in front of the point or behind it, are drawn as parts of this. */
function scaleOf(lines: readonly Line[]): number {
  let most = 0;
  for (const { values } of lines) for (const value of values) most = Math.max(most, Math.abs(value ?? 0));
  if (most === 0 || (most < 1e15 && most > 1e-9)) return 1;
  return Number(`1e${Math.floor(Math.log10(most))}`);
}

/** Values with a gap at either side, which no line goes through. */
function alone(values: readonly (number | null)[]): number[] {
  const isGap = (i: number) => values[i] === null || values[i] === undefined;
  return values.flatMap((_, i) => (!isGap(i) && isGap(i - 1) && isGap(i + 1) ? [i] : []));
}

/** @param timesSec ascending. */
export function createChart(timesSec: number[], lines: Line[], options: ChartOptions): Chart {
  const unit = options.unit ?? 'number';
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue('--quiet').trim();
  const grid = { stroke: style.getPropertyValue('--grid').trim(), width: 1 };
  const tooltip = h('div', { class: 'tooltip', 'aria-hidden': 'true', hidden: true });
  const element = h('div', { class: 'chart', ondblclick: () => options.onZoomOut?.() });
  const scale = scaleOf(lines);
  const drawn = scale === 1 ? lines : lines.map(({ name, values }) => ({ name, values: values.map(part) }));

  function part(value: number | null): number | null {
    return value === null ? null : value / scale;
  }

  const plot = new uPlot(
    {
      width: 600,
      height: options.heightPx,
      legend: { show: false },
      cursor: { drag: { x: true, y: false, setScale: false }, focus: { prox: 24 } },
      focus: { alpha: lines.length > 1 ? 0.35 : 1 },
      scales: { x: { time: true, range: () => options.range } },
      series: [
        {},
        ...drawn.map(({ name, values }, i) => {
          const single = alone(values);
          const points = { show: timesSec.length < 40 || single.length > 0, size: 5 };
          const isDense = timesSec.length >= 40;
          return {
            label: name,
            stroke: resolved(lineColour(i), style),
            width: 1.5,
            points: isDense ? { ...points, filter: () => single } : points,
          };
        }),
      ],
      axes: [
        {
          stroke: ink,
          grid,
          ticks: grid,
          space: 70,
          values: (_, splits, _axis, _space, stepSec) => timeTicks(splits, stepSec),
        },
        {
          stroke: ink,
          grid,
          ticks: grid,
          space: options.heightPx < 200 ? 28 : 40,
          ...(unit === 'bytes' && scale === 1 ? { incrs: BYTE_STEPS } : {}),
          size: (_, labels) => 22 + 7 * Math.max(4, ...(labels ?? []).map(({ length }) => length)),
          values: (_, splits, _axis, _space, step) =>
            valueTicks(
              splits.map((value) => value * scale),
              step * scale,
              unit,
            ),
        },
      ],
      hooks: {
        setSelect: [
          (u) => {
            if (u.select.width < 4) return;
            options.onZoom?.(u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x'));
            u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          },
        ],
        setSeries: [
          (_, line, change) => {
            if ('focus' in change) options.onFocus?.(line === null ? -1 : line - 1);
          },
        ],
        setCursor: [(u) => describe(u)],
      },
    },
    [timesSec, ...drawn.map(({ values }) => values)],
    element,
  );
  plot.over.parentElement?.append(tooltip);

  /** The time under the pointer, with the value and the name of the line nearest to it. */
  function describe(u: uPlot): void {
    const { idx, top, left } = u.cursor;
    tooltip.hidden = idx === null || idx === undefined || top === undefined || left === undefined || left < 0;
    if (idx === null || idx === undefined || top === undefined || left === undefined || left < 0) return;
    let nearest = -1;
    let least = Number.POSITIVE_INFINITY;
    drawn.forEach(({ values }, i) => {
      const value = values[idx];
      if (value === null || value === undefined || u.series[i + 1].show === false) return;
      const distance = Math.abs(u.valToPos(value, 'y') - top);
      if (distance < least) {
        least = distance;
        nearest = i;
      }
    });
    replace(tooltip, h('div', { class: 'quiet' }, dateTime(timesSec[idx] * 1000)));
    if (nearest >= 0) {
      const value = lines[nearest].values[idx] as number;
      const swatch = h('span', { class: 'swatch' });
      swatch.style.background = lineColour(nearest);
      const text = unit === 'bytes' ? bytes(value) : unit === 'seconds' ? seconds(value) : String(value);
      tooltip.append(h('div', { class: 'value' }, swatch, text), h('div', { class: 'name' }, lines[nearest].name));
    }
    // Beside the pointer, on the side where there is more room.
    const { offsetLeft, offsetTop, offsetWidth } = u.over;
    const isLeft = left > offsetWidth / 2;
    tooltip.style.left = isLeft ? 'auto' : `${offsetLeft + left + 14}px`;
    tooltip.style.right = isLeft ? `${u.width - offsetLeft - left + 14}px` : 'auto';
    tooltip.style.maxWidth = `${Math.min(480, Math.max(left, offsetWidth - left) + (isLeft ? offsetLeft : 0) - 18)}px`;
    tooltip.style.top = `${offsetTop + Math.max(0, Math.min(top, u.over.offsetHeight - tooltip.offsetHeight))}px`;
  }

  let pointer = options.pointer;
  const observer = new ResizeObserver(([entry]) => {
    const width = Math.floor(entry.contentRect.width);
    if (width > 0) plot.setSize({ width, height: options.heightPx });
    if (pointer !== undefined) plot.setCursor(pointer);
    pointer = undefined;
  });
  observer.observe(element);
  return {
    element,
    show(line, isShown) {
      if (plot.series[line + 1].show !== isShown) plot.setSeries(line + 1, { show: isShown });
    },
    highlight(line) {
      plot.setSeries(line < 0 ? null : line + 1, { focus: true });
    },
    pointer() {
      const { left = -1, top = -1 } = plot.cursor;
      return left < 0 ? undefined : { left, top };
    },
    destroy() {
      observer.disconnect();
      plot.destroy();
    },
  };
}
