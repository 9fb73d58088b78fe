/**
 * Random well-typed expressions for tests, from a seed. With `legacy` only what Prometheus 2.42 knows is generated; without
 * it also what came later.
 */

export interface Random {
  /** A number in [0, 1). */
  next(): number;
  below(limit: number): number;
  pick<T>(items: readonly T[]): T;
  chance(probability: number): boolean;
}

/** A small, fast generator (mulberry32): the same seed gives the same sequence everywhere. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return {
    next,
    below: (limit) => Math.floor(next() * limit),
    pick: (items) => items[Math.floor(next() * items.length)]!,
    chance: (probability) => next() < probability,
  };
}

export interface GeneratorOptions {
  readonly legacy: boolean;
  /** Metrics and what their labels may be. */
  readonly metrics: readonly string[];
  readonly counters: readonly string[];
  /** Metrics whose samples are never equal. */
  readonly distinct: readonly string[];
  /** Metrics without NaN and infinities. */
  readonly finite: readonly string[];
  readonly labels: Readonly<Record<string, readonly string[]>>;
  /** Ranges and offsets are multiples of this, subquery steps are even multiples. */
  readonly unitSeconds: number;
  /** For `@`: Unix seconds. */
  readonly timestamps: readonly number[];
}

const MATH = 'abs exp ln log2 log10 sqrt asin acos atan sinh cosh tanh asinh acosh atanh deg rad'.split(' ');
/** Functions that jump, or blow up the last digits of what they are given. */
const TOUCHY_MATH = 'ceil floor sgn sin cos tan round'.split(' ');
const DATES = 'day_of_month day_of_week day_of_year days_in_month hour minute month year'.split(' ');
const OVER_TIME =
  'avg_over_time sum_over_time min_over_time max_over_time count_over_time stddev_over_time stdvar_over_time last_over_time present_over_time'.split(
    ' ',
  );
const RANGE = 'delta idelta changes resets deriv absent_over_time'.split(' ');
const EXACT_RANGE =
  'min_over_time max_over_time count_over_time last_over_time present_over_time changes resets idelta absent_over_time'.split(
    ' ',
  );
const COUNTER_RANGE = 'rate increase irate resets'.split(' ');
const NEW_RANGE =
  'first_over_time mad_over_time ts_of_first_over_time ts_of_max_over_time ts_of_min_over_time ts_of_last_over_time'.split(
    ' ',
  );
const ANCHORED_RANGE = 'rate increase delta changes resets'.split(' ');
const SMOOTHED_RANGE = 'rate increase delta'.split(' ');
const AGGREGATIONS = 'sum avg min max count group'.split(' ');
const ARITHMETIC = ['+', '-', '*', '/', '^'];
const COMPARISONS = ['==', '!=', '<', '<=', '>', '>='];
const SET_OPERATORS = ['and', 'or', 'unless'];

export class ExpressionGenerator {
  private readonly random: Random;
  private readonly options: GeneratorOptions;
  private inSubquery = false;

  constructor(random: Random, options: GeneratorOptions) {
    this.random = random;
    this.options = options;
  }

  /** An instant vector or, now and then, a scalar. */
  expression(depth: number): string {
    return this.random.chance(0.07) ? this.scalar(depth) : this.vector(depth);
  }

  vector(depth: number): string {
    const { random } = this;
    if (depth <= 0) return this.selector(this.metric());
    switch (random.below(14)) {
      case 0:
        return random.chance(0.7)
          ? `${random.pick(MATH)}(${this.vector(depth - 1)})`
          : `${random.pick(TOUCHY_MATH)}(${this.exactVector()})`;
      case 1:
      case 2:
      case 3:
        return this.rangeCall(depth);
      case 4:
      case 5:
        return this.aggregation(depth);
      case 6:
      case 7:
        return this.vectorVector(depth);
      case 8:
        return this.vectorScalar(depth);
      case 9:
        return `${random.chance(0.3) ? '-' : ''}(${this.vector(depth - 1)})`;
      case 10:
        return this.exactVector();
      case 12:
        return this.labelCall(depth);
      case 11:
        return this.otherCall(depth);
      default:
        return this.selector(this.metric());
    }
  }

  /** Samples as they are stored, or exact functions of them: no two ways to compute these differ in the last digit. */
  private exactVector(): string {
    const { random, options } = this;
    switch (random.below(5)) {
      case 0:
        return `${random.pick(EXACT_RANGE)}(${this.range(0, false)})`;
      case 1:
        return `${random.pick(['min', 'max', 'count', 'group'])} ${this.grouping()} (${this.selector(this.metric())})`;
      case 2:
        return `(${this.selector(this.metric())}) % ${random.pick(['7', '2.5', '-3', '0'])}`;
      default:
        return options.legacy || random.chance(0.8)
          ? this.selector(this.metric())
          : `(${this.selector(this.metric())}) atan2 ${random.below(5)}`;
    }
  }

  scalar(depth: number): string {
    const { random } = this;
    switch (random.below(depth > 0 ? 7 : 3)) {
      case 0:
      case 1:
        return this.number();
      case 2:
        return random.pick(['time()', 'pi()', '1e3', '0.5', '-2']);
      case 3:
        return `scalar(${this.vector(depth - 1)})`;
      case 4:
        return `(${this.scalar(depth - 1)} ${random.pick(ARITHMETIC)} ${this.scalar(depth - 1)})`;
      case 5:
        return `(${this.number()} ${random.pick(COMPARISONS)} bool scalar(${this.exactVector()}))`;
      default:
        return `-(${this.scalar(depth - 1)})`;
    }
  }

  private number(): string {
    const { random } = this;
    return random.pick([
      `${random.below(10)}`,
      `${random.below(1000) / 8}`,
      `-${random.below(50)}`,
      'Inf',
      '-Inf',
      'NaN',
      '1e-3',
      '0',
    ]);
  }

  private metric(): string {
    return this.random.pick(this.options.metrics);
  }

  private matchers(): string {
    const { random, options } = this;
    if (random.chance(0.6)) return '';
    const name = random.pick(Object.keys(options.labels));
    const values = options.labels[name]!;
    const value = random.pick(values);
    const shown = random.pick([
      `${name}="${value}"`,
      `${name}!="${value}"`,
      `${name}=~"${value}|${random.pick(values)}"`,
      `${name}!~"${value}.*"`,
      `${name}=~".+"`,
      `${name}=~"[${value}].*"`,
    ]);
    return `{${shown}}`;
  }

  private modifiers(): string {
    const { random, options } = this;
    let text = '';
    if (random.chance(0.1)) text += ` @ ${random.pick([...options.timestamps, 'start()', 'end()'])}`;
    if (random.chance(0.15)) text += ` offset ${random.chance(0.2) ? '-' : ''}${this.duration(1, 20)}`;
    return text;
  }

  private selector(metric: string): string {
    const smoothed = !this.options.legacy && this.random.chance(0.05) ? ' smoothed' : '';
    return `${metric}${this.matchers()}${smoothed}${this.modifiers()}`;
  }

  /** A whole number of units between the two, in seconds. */
  private duration(least: number, most: number): string {
    const { random, options } = this;
    const seconds = (least + random.below(most - least + 1)) * options.unitSeconds;
    if (options.legacy || random.chance(0.85)) return `${seconds}s`;
    return random.pick([
      `(${seconds}s + ${options.unitSeconds}s)`,
      `(2 * ${seconds})`,
      `(${3 * seconds}s / 3)`,
      `max_of(${seconds}s, step())`,
      `(min_of(${seconds}s, 5m))`,
      `(step() + ${seconds}s)`,
      `(${seconds}s ^ 1)`,
      `(range() + ${seconds}s)`,
    ]);
  }

  private range(depth: number, counter: boolean): string {
    const { random, options } = this;
    const metric = counter ? random.pick(options.counters) : this.metric();
    if (depth > 1 && !this.inSubquery && random.chance(0.3)) {
      const step = 2 * options.unitSeconds * (1 + random.below(4));
      const range = step * (1 + random.below(10));
      // The steps of a subquery in a subquery fall on the ends of its ranges, which older versions include.
      this.inSubquery = options.legacy;
      const inner = counter ? this.selector('resetting_total') : this.vector(depth - 2);
      this.inSubquery = false;
      return `(${inner})[${range}s:${step}s]${this.modifiers()}`;
    }
    return `${metric}${this.matchers()}[${this.duration(1, 60)}]${this.modifiers()}`;
  }

  private rangeCall(depth: number): string {
    const { random, options } = this;
    const kind = random.below(10);
    if (kind < 4) return `${random.pick(OVER_TIME)}(${this.range(depth, false)})`;
    if (kind < 6 && (options.legacy || random.chance(0.6))) {
      return `${random.pick(COUNTER_RANGE)}(${this.range(depth, true)})`;
    }
    if (kind < 6) return this.extendedRangeCall();
    if (kind === 6 && !options.legacy) {
      if (random.chance(0.2))
        return `double_exponential_smoothing(${this.range(depth, false)}, 0.${1 + random.below(9)}, 0.3)`;
      return `${random.pick(NEW_RANGE)}(${this.range(depth, false)})`;
    }
    if (kind === 7) {
      const range = options.legacy ? this.finiteRange() : this.range(depth, false);
      return `quantile_over_time(${random.pick(['0', '0.3', '0.5', '0.99', '1', '-1', '2'])}, ${range})`;
    }
    if (kind === 8) {
      // Older versions wrongly take predict_linear with @ for constant.
      const range = options.legacy ? `${this.metric()}[${this.duration(2, 60)}]` : this.range(depth, false);
      return `predict_linear(${range}, ${random.pick(['0', '60', '3600', '-120'])})`;
    }
    return `${random.pick(RANGE)}(${this.range(depth, false)})`;
  }

  /** Older versions make NaN of an infinity at the very rank of a quantile. */
  private finiteRange(): string {
    return `${this.random.pick(this.options.finite)}${this.matchers()}[${this.duration(1, 60)}]${this.modifiers()}`;
  }

  private extendedRangeCall(): string {
    const { random } = this;
    const range = `${this.metric()}${this.matchers()}[${this.duration(1, 60)}]`;
    return random.chance(0.5)
      ? `${random.pick(ANCHORED_RANGE)}(${range} anchored${this.modifiers()})`
      : `${random.pick(SMOOTHED_RANGE)}(${range} smoothed${this.modifiers()})`;
  }

  private grouping(): string {
    const { random, options } = this;
    const names = [...Object.keys(options.labels), '__name__', 'nothing'];
    const list = Array.from({ length: random.below(3) }, () => random.pick(names));
    return random.pick(['', `by (${list.join(', ')})`, `without (${list.join(', ')})`]);
  }

  private aggregation(depth: number): string {
    const { random } = this;
    const inner = this.vector(depth - 1);
    const grouping = this.grouping();
    switch (random.below(8)) {
      case 0:
        // Which of equal samples are picked depends on the order of the series, which is not specified.
        return `${random.pick(['topk', 'bottomk'])} ${grouping} (${random.pick(['0', '1', '2', '3', '100'])}, ${this.selector(random.pick(this.options.distinct))})`;
      case 1:
        return `quantile ${grouping} (${random.pick(['0', '0.25', '0.5', '0.9', '1', '1.5', '-0.5'])}, ${
          this.options.legacy ? this.selector(random.pick(this.options.finite)) : inner
        })`;
      case 2:
        return `count_values ${grouping} ("value", ${this.exactVector()})`;
      case 3:
        // Older versions take the deviation of one NaN or infinity for 0.
        return `${random.pick(['stddev', 'stdvar'])} ${grouping} (${random.pick(this.options.finite)}${this.matchers()})`;
      case 4:
        if (this.options.legacy) return `${random.pick(AGGREGATIONS)} ${grouping} (${inner})`;
        return `limit_ratio ${grouping} (${random.pick(['0', '0.3', '-0.7', '1', '-1', '1.5'])}, ${inner})`;
      default:
        return `${random.pick(AGGREGATIONS)} ${grouping} (${inner})`;
    }
  }

  private vectorVector(depth: number): string {
    const { random, options } = this;
    const left = this.vector(depth - 1);
    const right = this.vector(depth - 1);
    const names = Object.keys(options.labels);
    const some = () => names.filter(() => random.chance(0.5)).join(', ');
    const matching = random.pick(['', '', `on (${some()})`, `ignoring (${some()})`]);
    if (random.chance(0.3)) return `(${left}) ${random.pick(SET_OPERATORS)} ${matching} (${right})`;
    if (random.chance(0.3)) return this.comparison(matching);
    const isComparison = random.chance(0.1);
    const op = random.pick(isComparison ? COMPARISONS : ARITHMETIC);
    const bool = isComparison && random.chance(0.5) ? ' bool' : '';
    const group = matching !== '' && random.chance(0.4) ? random.pick([' group_left ()', ' group_right ()']) : '';
    const fill =
      !options.legacy && random.chance(0.2) ? random.pick([' fill (1)', ' fill_left (0)', ' fill_right (-2)']) : '';
    return `(${left}) ${op}${bool} ${matching}${group}${fill} (${right})`;
  }

  private comparison(matching: string): string {
    const { random } = this;
    const bool = random.chance(0.5) ? ' bool' : '';
    return `(${this.exactVector()}) ${random.pick(COMPARISONS)}${bool} ${matching} (${this.exactVector()})`;
  }

  private vectorScalar(depth: number): string {
    const { random } = this;
    const isComparison = random.chance(0.4);
    const vector = `(${isComparison ? this.exactVector() : this.vector(depth - 1)})`;
    const scalar = isComparison ? this.number() : this.scalar(depth - 1);
    const op =
      random.pick(isComparison ? COMPARISONS : ARITHMETIC) + (isComparison && random.chance(0.5) ? ' bool' : '');
    return random.chance(0.5) ? `${vector} ${op} ${scalar}` : `${scalar} ${op} ${vector}`;
  }

  private labelCall(depth: number): string {
    const { random, options } = this;
    const names = Object.keys(options.labels);
    const inner = this.vector(depth - 1);
    const target = random.pick([...names, 'added']);
    if (random.chance(0.5))
      return `label_join(${inner}, "${target}", "-", "${random.pick(names)}", "${random.pick(names)}")`;
    const regex = random.pick(['(.*)', '(.).*', 'a|b', '(.+)-(.+)', '']);
    return `label_replace(${inner}, "${target}", "x$1", "${random.pick(names)}", "${regex}")`;
  }

  private otherCall(depth: number): string {
    const { random } = this;
    const inner = this.vector(depth - 1);
    switch (random.below(this.options.legacy ? 9 : 12)) {
      case 9:
        return `histogram_fraction(${random.pick(['0', '-1', '0.05', '-Inf'])}, ${random.pick(['0.5', '3', 'Inf', '0'])}, ${inner})`;
      case 10:
        return `histogram_quantiles(${inner}, "${random.pick(['q', 'job'])}", 0.5, ${random.pick(['0.9', '2', 'NaN'])})`;
      case 11:
        return `${random.pick(['sort_by_label', 'sort_by_label_desc'])}(${inner}, "instance", "job")`;
      case 0:
        return `clamp(${inner}, ${this.number()}, ${this.number()})`;
      case 1:
        return `${random.pick(['clamp_min', 'clamp_max'])}(${inner}, ${this.number()})`;
      case 2:
        return `round(${this.exactVector()}${random.pick(['', ', 5', ', 0.1'])})`;
      case 3:
        return `(timestamp(${inner}) - 1.7e9)`;
      case 4:
        return `absent(${inner})`;
      case 5:
        return `vector(${this.scalar(depth - 1)})`;
      case 6:
        return `${random.pick(DATES)}(${random.chance(0.3) ? '' : `timestamp(${inner})`})`;
      case 7:
        return `histogram_quantile(${random.pick(['0.1', '0.5', '0.99', '2'])}, ${inner})`;
      default:
        return `${random.pick(['sort', 'sort_desc'])}(${inner})`;
    }
  }
}
