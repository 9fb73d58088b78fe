/** Lines over time, by uPlot: one colour per series, zoom by drag, values under the pointer. */
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { dateTime, short } from './format.ts';

export interface Line {
  name: string;
  /** Parallel to the times; null is a gap. */
  values: (number | null)[];
}

export interface Chart {
  readonly element: HTMLElement;
  /** Hides or shows a line. */
  toggle(line: number): void;
  destroy(): void;
}

export interface ChartOptions {
  heightPx: number;
  /** A range that was dragged over, s. */
  onZoom?: (fromSec: number, toSec: number) => void;
  /** The line nearest to the pointer, or -1. */
  onFocus?: (line: number) => void;
  /** The range of the axis, s. */
  range: [fromSec: number, toSec: number];
}

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

/** Times of an axis, the date on a line of its own where a day begins. */
function timeTicks(splits: number[], stepSec: number): string[] {
  let day = '';
  return splits.map((sec) => {
    const [date, time] = dateTime(sec * 1000).split(' ');
    const isNew = date !== day;
    day = date;
    if (stepSec >= 86_400) return date.slice(5);
    const clock = stepSec >= 60 ? time.slice(0, 5) : time;
    return isNew ? `${clock}\n${date.slice(5)}` : clock;
  });
}

/** @param timesSec ascending. */
export function createChart(timesSec: number[], lines: Line[], options: ChartOptions): Chart {
  const element = document.createElement('div');
  element.className = 'chart';
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue('--quiet').trim();
  const grid = { stroke: style.getPropertyValue('--grid').trim(), width: 1 };
  const readout = document.createElement('div');
  readout.className = 'readout';
  readout.setAttribute('aria-hidden', 'true');
  element.append(readout);
  const onePoint = lines.map(({ values }) => values.filter((value) => value !== null).length === 1);

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
        ...lines.map(({ name }, i) => ({
          label: name,
          stroke: resolved(lineColour(i), style),
          width: 1.5,
          points: onePoint[i] ? { show: true, size: 6 } : { show: timesSec.length < 40, size: 4 },
        })),
      ],
      axes: [
        {
          stroke: ink,
          grid,
          ticks: grid,
          space: 70,
          values: (_, splits, _axis, _space, stepSec) => timeTicks(splits, stepSec),
        },
        { stroke: ink, grid, ticks: grid, size: 64, values: (_, splits) => splits.map(short) },
      ],
      hooks: {
        setSelect: [
          (u) => {
            if (u.select.width < 4) return;
            options.onZoom?.(u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x'));
            u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          },
        ],
        setSeries: [(_, line) => options.onFocus?.(line === null ? -1 : line - 1)],
        setCursor: [(u) => describe(u)],
      },
    },
    [timesSec, ...lines.map(({ values }) => values)],
    element,
  );

  /** The time under the pointer and the value of the line nearest to it. */
  function describe(u: uPlot): void {
    const { idx, top } = u.cursor;
    if (idx === null || idx === undefined || top === undefined || top < 0) {
      readout.textContent = '';
      return;
    }
    let nearest = -1;
    let least = Number.POSITIVE_INFINITY;
    lines.forEach(({ values }, i) => {
      const value = values[idx];
      if (value === null || value === undefined || u.series[i + 1].show === false) return;
      const distance = Math.abs(u.valToPos(value, 'y') - top);
      if (distance < least) {
        least = distance;
        nearest = i;
      }
    });
    const at = dateTime(timesSec[idx] * 1000);
    readout.textContent =
      nearest < 0 ? at : `${at}   ${short(lines[nearest].values[idx] as number)}   ${lines[nearest].name}`;
  }

  const observer = new ResizeObserver(([entry]) => {
    const width = Math.floor(entry.contentRect.width);
    if (width > 0) plot.setSize({ width, height: options.heightPx });
  });
  observer.observe(element);
  return {
    element,
    toggle(line) {
      plot.setSeries(line + 1, { show: plot.series[line + 1].show === false });
    },
    destroy() {
      observer.disconnect();
      plot.destroy();
    },
  };
}
