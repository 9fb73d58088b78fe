/**
 * Reads the language of Prometheus' PromQL tests: `clear`, `load`, `eval instant` and `eval range` with what must come
 * back.
 */
import { type Labels, labelsFromPairs, METRIC_NAME } from './labels.ts';
import { parseDurationMs } from './parser/duration.ts';
import { parseNumber } from './parser/number-literal.ts';
import { unquote } from './parser/string-literal.ts';

/** A point of a series; null: no point at this step. */
export type SequencePoint = number | 'stale' | 'histogram' | null;

export interface LoadedSeries {
  readonly labels: Labels;
  /** One entry per load step, from time 0. */
  readonly points: SequencePoint[];
  /** The points are start timestamps, in ms relative to the sample of the same step, of the series with these labels. */
  readonly isStartTimes: boolean;
}

export interface LoadCommand {
  readonly kind: 'load';
  readonly line: number;
  readonly stepMs: number;
  /** Classic histograms are also loaded as native ones with custom buckets. */
  readonly alsoNative: boolean;
  readonly series: LoadedSeries[];
}

export interface ExpectedSeries {
  readonly labels: Labels;
  readonly points: SequencePoint[];
}

export interface Expectation {
  fails: boolean;
  failMessage: string | null;
  failPattern: string | null;
  ordered: boolean;
  /** Exact texts or patterns of warnings and infos; 'any': at least one; 'none': none at all. */
  warnings: AnnotationExpectation[];
  infos: AnnotationExpectation[];
  text: string | null;
  /** `expect range vector from … to … step …`: the times of the expected points. */
  rangeVector: { startMs: number; endMs: number; stepMs: number } | null;
  scalar: number | null;
  series: ExpectedSeries[];
  hasHistograms: boolean;
}

export type AnnotationExpectation = { kind: 'any' } | { kind: 'none' } | { kind: 'message' | 'pattern'; text: string };

export interface EvalCommand {
  readonly kind: 'eval';
  readonly line: number;
  readonly query: string;
  readonly startMs: number;
  readonly endMs: number;
  /** 0: instant. */
  readonly stepMs: number;
  readonly expectation: Expectation;
}

export interface ClearCommand {
  readonly kind: 'clear';
  readonly line: number;
}

export type TestCommand = LoadCommand | EvalCommand | ClearCommand;

const LOAD = /^load(_with_nhcb)?\s+(\S+)$/;
const EVAL_INSTANT = /^eval(?:_(fail|warn|ordered|info))?\s+instant\s+(?:at\s+(\S+))?\s+(.+)$/;
const EVAL_RANGE = /^eval(?:_(fail|warn|info))?\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+?)\s+(.+)$/;

export function parseTestFile(text: string): TestCommand[] {
  const commands: TestCommand[] = [];
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  let at = 0;
  const block = (): { text: string; line: number }[] => {
    const body: { text: string; line: number }[] = [];
    while (at < lines.length && lines[at] !== '') {
      if (!lines[at]!.startsWith('#')) body.push({ text: lines[at]!, line: at + 1 });
      at++;
    }
    return body;
  };
  while (at < lines.length) {
    const text = lines[at]!;
    const line = ++at;
    if (text === '' || text.startsWith('#')) continue;
    const load = LOAD.exec(text);
    if (text === 'clear') commands.push({ kind: 'clear', line });
    else if (load !== null) {
      commands.push({
        kind: 'load',
        line,
        stepMs: testTimeMs(load[2]!),
        alsoNative: load[1] !== undefined,
        series: block().map((entry) => parseSeriesLine(entry.text)),
      });
    } else if (text.startsWith('eval')) commands.push(parseEval(text, line, block()));
    else throw new Error(`line ${line}: unknown command: ${text}`);
  }
  return commands;
}

/** A time or step: a duration or seconds. */
function testTimeMs(text: string): number {
  const seconds = Number(text);
  if (!Number.isNaN(seconds)) return Math.round(seconds * 1000);
  const negative = text.startsWith('-');
  const ms = parseDurationMs(negative ? text.slice(1) : text);
  if (typeof ms !== 'number') throw new Error(`bad time ${text}`);
  return negative ? -ms : ms;
}

function parseEval(text: string, line: number, body: { text: string; line: number }[]): EvalCommand {
  const expectation: Expectation = {
    fails: false,
    failMessage: null,
    failPattern: null,
    ordered: false,
    warnings: [],
    infos: [],
    text: null,
    rangeVector: null,
    scalar: null,
    series: [],
    hasHistograms: false,
  };
  const range = EVAL_RANGE.exec(text);
  const instant = range === null ? EVAL_INSTANT.exec(text) : null;
  const mode = (range ?? instant)?.[1];
  if (mode === 'fail') expectation.fails = true;
  else if (mode === 'ordered') expectation.ordered = true;
  else if (mode === 'warn') expectation.warnings.push({ kind: 'any' });
  else if (mode === 'info') expectation.infos.push({ kind: 'any' });
  for (const entry of body) parseExpectationLine(expectation, entry.text);
  if (range !== null) {
    return {
      kind: 'eval',
      line,
      query: range[5]!,
      startMs: testTimeMs(range[2]!),
      endMs: testTimeMs(range[3]!),
      stepMs: testTimeMs(range[4]!),
      expectation,
    };
  }
  if (instant === null) throw new Error(`line ${line}: cannot read ${text}`);
  const atMs = instant[2] === undefined ? 0 : testTimeMs(instant[2]);
  return { kind: 'eval', line, query: instant[3]!, startMs: atMs, endMs: atMs, stepMs: 0, expectation };
}

const EXPECT = /^expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(msg|regex)\s*:\s*(.*))?$/;

function parseExpectationLine(expectation: Expectation, text: string): void {
  const legacy = /^expected_fail_(message|regexp)\s+(.*)$/.exec(text);
  if (legacy !== null) {
    expectation.fails = true;
    if (legacy[1] === 'message') expectation.failMessage = legacy[2]!;
    else expectation.failPattern = legacy[2]!;
    return;
  }
  const match = EXPECT.exec(text);
  if (match !== null) {
    const [, what, how, value] = match;
    if (what === 'ordered') expectation.ordered = true;
    else if (what === 'fail') {
      expectation.fails = true;
      if (how === 'msg') expectation.failMessage = value!;
      else if (how === 'regex') expectation.failPattern = value!;
    } else {
      const list = what!.endsWith('warn') ? expectation.warnings : expectation.infos;
      if (what!.startsWith('no_')) list.push({ kind: 'none' });
      else if (how === undefined) list.push({ kind: 'any' });
      else list.push({ kind: how === 'msg' ? 'message' : 'pattern', text: value! });
    }
    return;
  }
  const text_ = /^expect\s+string\s+(.*)$/.exec(text);
  if (text_ !== null) {
    expectation.text = unquote(text_[1]!);
    return;
  }
  const vector = /^expect\s+range\s+vector\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)$/.exec(text);
  if (vector !== null) {
    const [startMs, endMs, stepMs] = vector.slice(1).map(testTimeMs) as [number, number, number];
    expectation.rangeVector = { startMs, endMs, stepMs };
    return;
  }
  if (text.includes('{{')) expectation.hasHistograms = true;
  const number = parseScalar(text);
  if (number !== null) {
    expectation.scalar = number;
    return;
  }
  const { labels, points } = parseSeriesLine(text);
  expectation.series.push({ labels, points });
}

function parseScalar(text: string): number | null {
  const sign = text.startsWith('-') ? -1 : 1;
  const digits = text.replace(/^[+-]/, '');
  if (!/^[0-9.]|^(inf|nan)$/i.test(digits)) return null;
  const value = parseNumber(digits);
  return typeof value === 'number' ? sign * value : null;
}

/** A series in test notation: metric, labels and points. */
export function parseSeriesLine(text: string): LoadedSeries {
  const pairs: [string, string][] = [];
  let at = 0;
  const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(text);
  if (name !== null) {
    pairs.push([METRIC_NAME, name[0]]);
    at = name[0].length;
  }
  while (text[at] === ' ') at++;
  if (text[at] === '{' && text[at + 1] !== '{') at = parseLabels(text, at + 1, pairs);
  const isStartTimes = text.startsWith('@st', at);
  if (isStartTimes) at += 3;
  return { labels: labelsFromPairs(pairs), points: parsePoints(text.slice(at).trim(), isStartTimes), isStartTimes };
}

const LABEL =
  /\s*(?:([a-zA-Z_][a-zA-Z0-9_]*)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`))\s*(?:=\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`))?\s*(,|(?=\}))/y;

function parseLabels(text: string, from: number, pairs: [string, string][]): number {
  let at = from;
  for (;;) {
    while (text[at] === ' ') at++;
    if (text[at] === '}') return at + 1;
    LABEL.lastIndex = at;
    const match = LABEL.exec(text);
    if (match === null) throw new Error(`cannot read labels: ${text}`);
    const name = match[1] ?? unquote(match[2]!);
    if (match[3] === undefined) pairs.push([METRIC_NAME, name]);
    else pairs.push([name, unquote(match[3])]);
    at = LABEL.lastIndex;
  }
}

function parsePoints(text: string, isDuration: boolean): SequencePoint[] {
  const points: SequencePoint[] = [];
  // Histograms hold spaces: they are taken out first.
  const flat = text.replaceAll(/\{\{.*?\}\}/g, 'H');
  for (const item of flat.split(/\s+/)) {
    if (item === '') continue;
    const count = (suffix: string | undefined) => (suffix === undefined ? 1 : Number(suffix) + 1);
    const blank = /^_(?:x(\d+))?$/.exec(item);
    const histogram = /^H(?:[+-]H)?(?:x(\d+))?$/.exec(item);
    const stale = /^stale(?:x(\d+))?$/.exec(item);
    if (blank !== null) for (let i = 0; i < Number(blank[1] ?? 1); i++) points.push(null);
    else if (histogram !== null) for (let i = 0; i < count(histogram[1]); i++) points.push('histogram');
    else if (stale !== null) for (let i = 0; i < count(stale[1]); i++) points.push('stale');
    else points.push(...expandNumbers(item, isDuration));
  }
  return points;
}

const NUMBER = '[+-]?(?:inf|nan|(?:\\d+\\.?\\d*|\\.\\d+)(?:e[+-]?\\d+)?)';
const SEQUENCE = new RegExp(`^(${NUMBER})(?:(${NUMBER.replace('?', '')})?x(\\d+))?$`, 'i');
const DURATIONS = /^([+-]?[0-9a-z]+?)(?:([+-][0-9a-wyz]+?)?x(\d+))?$/;

/** `a`, `axn`, `a+bxn`, `a-bxn`. */
function expandNumbers(item: string, isDuration: boolean): number[] {
  const match = (isDuration ? DURATIONS : SEQUENCE).exec(item);
  if (match === null) throw new Error(`cannot read points: ${item}`);
  const read = (text: string) => (isDuration ? signedMs(text) : signedNumber(text));
  const step = match[2] === undefined ? 0 : read(match[2]);
  const count = match[3] === undefined ? 0 : Number(match[3]);
  const values: number[] = [];
  let value = read(match[1]!);
  for (let i = 0; i <= count; i++) {
    values.push(value);
    value += step;
  }
  return values;
}

function signedNumber(text: string): number {
  const value = parseNumber(text.replace(/^[+-]/, ''));
  if (typeof value !== 'number') throw new Error(`bad number ${text}`);
  return text.startsWith('-') ? -value : value;
}

function signedMs(text: string): number {
  const digits = text.replace(/^[+-]/, '');
  const ms = testTimeMs(digits);
  return text.startsWith('-') ? -ms : ms;
}
