/**
 * Random well-typed statements over the data set, from a seed.
 *
 * What influxd leaves open is not generated: functions that depend on the order of rows are only asked where no two rows
 * have one time, and neither LIMIT nor OFFSET cut through rows of one time. Nor are the faults of influxd 1.6 that 1.8 does not
 * have: series counted and limited once for each shard, percentile() of windows with too few rows, which ends the answer, and
 * subqueries of top(), bottom() and distinct() by tags, or backwards, whose rows come in no order.
 */
import type { Random } from '../../query/promql/expression-generator.ts';
import { MEASUREMENTS, type Measurement, START, type ValueType } from './generator-schema.ts';

/** What a SELECT answers, as a subquery's reader sees it. */
interface Column {
  readonly name: string;
  readonly type: ValueType;
}

interface Select {
  readonly text: string;
  readonly columns: readonly Column[];
  /** Tags that go through: those it groups by. */
  readonly tags: readonly string[];
  /** No two rows of a series have one time. */
  readonly ordered: boolean;
  readonly windowSeconds: number | null;
  /** influxd 1.6 gives the rows of one series after those of another, not in the order of time. */
  readonly inSeries: boolean;
}

/** What rows are read from: a measurement or a subquery. */
interface Rows {
  readonly source: string;
  readonly columns: readonly Column[];
  readonly tags: ReadonlyMap<string, readonly string[]>;
  readonly measurement: Measurement;
  /** Tags that set apart rows of one time; empty: there are none. */
  readonly tieTags: readonly string[];
  readonly nested: boolean;
  /** Tags that have to be grouped by. */
  readonly keptTags: readonly string[];
}

/** No tag sets apart what came out of a subquery. */
const INSEPARABLE = '';

/** Whose last digit does not depend on the order of rows. */
const AGGREGATES_OF_ANY_ORDER = ['count', 'median', 'spread', 'min', 'max'];
const AGGREGATES_OF_TIES = ['count', 'sum', 'mean', 'median', 'mode', 'spread', 'stddev', 'min', 'max'];
const AGGREGATES = [...AGGREGATES_OF_TIES, 'first', 'last'];
const ANY_TYPE = new Set(['count', 'mode', 'first', 'last', 'distinct', 'elapsed']);
const KEEP_TYPE = new Set(['sum', 'mode', 'spread', 'min', 'max', 'first', 'last', 'percentile', 'distinct', 'top']);
const SELECTORS = ['min', 'max', 'first', 'last'];
/** Without abs(), which in influxd 1.6 leaves negative integers as they are. */
/** Functions of numbers that may not be whole afterwards. */
const MATH = ['ceil', 'floor', 'round', 'sqrt', 'sin', 'cos', 'tan', 'atan'];

const KINDS = [
  ...['raw', 'raw', 'aggregate', 'aggregate', 'aggregate', 'window', 'window', 'window', 'selector'],
  ...['rows', 'rows of windows', 'top', 'distinct', 'integral', 'forecast'],
];
/** Those that do not need to know which rows have one time. */
const KINDS_OF_MANY = ['raw', 'aggregate', 'aggregate', 'window', 'window'];

/** These take numbers only. */
const NUMERIC: ReadonlySet<string> = new Set(['top', 'integral', 'forecast']);
/** These depend on the order of rows. */
const ORDERED: ReadonlySet<string> = new Set(['rows', 'top', 'integral']);
/** These may have several rows of one time. */
const MANY_ROWS: ReadonlySet<string> = new Set(['top', 'distinct']);
/** Of several series of these influxd mixes the last windows up, or ends with the first one that has too few rows. */
const OF_ONE_SERIES: ReadonlySet<string> = new Set(['integral', 'forecast']);

const TECHNICAL = [
  'chande_momentum_oscillator',
  'relative_strength_index',
  'kaufmans_efficiency_ratio',
  'kaufmans_adaptive_moving_average',
  'double_exponential_moving_average',
  'triple_exponential_moving_average',
  'triple_exponential_derivative',
];

export interface StatementGenerator {
  statement(): string;
}

export function statementGenerator(random: Random): StatementGenerator {
  const { below, chance, pick } = random;

  function some<T>(items: readonly T[], most: number): T[] {
    const left = [...items];
    const taken: T[] = [];
    const count = Math.min(left.length, 1 + below(most));
    while (taken.length < count) taken.push(...left.splice(below(left.length), 1));
    return taken;
  }

  function rowsOf(measurement: Measurement): Rows {
    const columns = Object.entries(measurement.fields).map(([name, type]) => ({ name, type }));
    const tags = new Map(Object.entries(measurement.tags));
    return {
      source: measurement.name,
      columns,
      tags,
      measurement,
      tieTags: measurement.tieTags,
      nested: false,
      keptTags: [],
    };
  }

  function rowsOfSubquery(measurement: Measurement, depth: number): Rows {
    const inner = select(rows(measurement, depth - 1), { nested: true });
    const tags = new Map([...Object.entries(measurement.tags)].filter(([tag]) => inner.tags.includes(tag)));
    return {
      source: `(${inner.text})`,
      columns: inner.columns,
      tags,
      measurement,
      tieTags: inner.ordered ? [] : [INSEPARABLE],
      nested: true,
      keptTags: inner.inSeries ? inner.tags : [],
    };
  }

  function rows(measurement: Measurement, depth: number): Rows {
    return depth > 0 && chance(0.6) ? rowsOfSubquery(measurement, depth) : rowsOf(measurement);
  }

  function number(): string {
    return pick(['0', '1', '2', '3', '10', '25', '50', '99', '0.5', '1.5', '2.25', '-1', '-2.5', '100']);
  }

  function literal(type: ValueType, measurement: Measurement): string {
    if (type === 'string') return `'${pick(measurement.texts)}'`;
    if (type === 'boolean') return pick(['true', 'false']);
    return number();
  }

  function isNumber({ type }: Column): boolean {
    return type === 'float' || type === 'integer';
  }

  function fieldCondition(from: Rows): string {
    const column = pick(from.columns);
    const name = quoted(column.name);
    if (column.type === 'string' && chance(0.3))
      return `${name} ${pick(['=~', '!~'])} /${pick(['e', '^[a-c]', 'o$', '.+'])}/`;
    if (column.type === 'string' || column.type === 'boolean') {
      return `${name} ${pick(['=', '!='])} ${literal(column.type, from.measurement)}`;
    }
    const numbers = from.columns.filter(isNumber);
    const left = chance(0.15) ? `${name} ${pick(['+', '-', '*'])} ${number()}` : name;
    const right = chance(0.1) ? quoted(pick(numbers).name) : number();
    return `${left} ${pick(['=', '!=', '<', '<=', '>', '>='])} ${right}`;
  }

  function tagCondition(from: Rows): string {
    const [tag, values] = pick([...from.tags]);
    if (chance(0.3)) {
      return `${quoted(tag)} ${pick(['=~', '!~'])} /${pick([pick(values), `^${pick(values)}$`, `^(${pick(values)}|${pick(values)})$`, '.', '.*', '^$'])}/`;
    }
    return `${quoted(tag)} ${pick(['=', '!='])} '${chance(0.1) ? pick(['', 'nobody']) : pick(values)}'`;
  }

  function condition(from: Rows, depth: number): string {
    if (depth > 0 && chance(0.4)) {
      const both = `${condition(from, depth - 1)} ${pick(['AND', 'AND', 'OR'])} ${condition(from, depth - 1)}`;
      return `(${both})`;
    }
    return from.tags.size > 0 && chance(0.5) ? tagCondition(from) : fieldCondition(from);
  }

  function instant(at: number): string {
    return chance(0.5) ? `${at}s` : `'${new Date(at * 1000).toISOString().replace('.000', '')}'`;
  }

  /** With windows there is always a range, so that they do not reach up to now. */
  function timeRange({ from, until }: Measurement): string {
    const span = until - from;
    const lower = chance(0.6) ? from : from + below(span + 1);
    const upper = chance(0.6) ? until + 1 + below(Math.ceil(span / 4) + 1) : lower + 1 + below(span + 1);
    return `time ${pick(['>=', '>='])} ${instant(lower)} AND time ${pick(['<', '<='])} ${instant(upper)}`;
  }

  function typeOfCall(name: string, column: Column): ValueType {
    if (name === 'count') return 'integer';
    return KEEP_TYPE.has(name) ? column.type : 'float';
  }

  function columnFor(name: string, from: Rows): Column | null {
    let fitting = from.columns.filter((column) => ANY_TYPE.has(name) || isNumber(column));
    if (name === 'min' || name === 'max') fitting = from.columns.filter(({ type }) => type !== 'string');
    return fitting.length === 0 ? null : pick(fitting);
  }

  /** Of the first and last of several rows of one time, influxd takes the largest for sure only where there are windows. */
  function aggregateCall(from: Rows, anyTies: boolean): { text: string; type: ValueType } {
    const ties = from.tieTags.includes(INSEPARABLE) ? AGGREGATES_OF_ANY_ORDER : AGGREGATES_OF_TIES;
    const name = pick(anyTies ? AGGREGATES : ties);
    const column = columnFor(name, from) ?? null;
    if (column === null) {
      const any = pick(from.columns);
      return { text: `count(${quoted(any.name)})`, type: 'integer' };
    }
    if (chance(0.08)) return { text: `count(distinct(${quoted(column.name)}))`, type: 'integer' };
    if (isNumber(column) && chance(0.08)) {
      // From 50 on, one point is enough: where there are too few, influxd ends its answer.
      return { text: `percentile(${quoted(column.name)}, ${pick([50, 51.5, 75, 90, 99, 100])})`, type: column.type };
    }
    return { text: `${name}(${quoted(column.name)})`, type: typeOfCall(name, column) };
  }

  function aggregateTerm(from: Rows, anyTies: boolean): { text: string; type: ValueType } {
    const call = aggregateCall(from, anyTies);
    const numeric = call.type === 'float' || call.type === 'integer';
    if (numeric && chance(0.15)) {
      return { text: `${call.text} ${pick(['+', '-', '*', '/'])} ${pick(['2', '0.5', '3'])}`, type: 'float' };
    }
    if (numeric && chance(0.08)) return { text: `${pick(['round', 'ceil', 'floor'])}(${call.text})`, type: call.type };
    return call;
  }

  function rawTerm(from: Rows): { text: string; type: ValueType } {
    const column = pick(from.columns);
    if (!isNumber(column)) return { text: quoted(column.name), type: column.type };
    const name = quoted(column.name);
    const choice = random.next();
    if (choice < 0.1) return { text: `${name} ${pick(['+', '-', '*'])} ${pick(['1', '2', '3'])}`, type: column.type };
    if (choice < 0.15) return { text: `${name} / ${pick(['2', '4', '3'])}`, type: 'float' };
    if (choice < 0.2) return { text: `${name} % 7`, type: column.type };
    const other = pick(from.columns.filter(isNumber));
    if (choice < 0.3) return { text: `${name} ${pick(['+', '-', '*'])} ${quoted(other.name)}`, type: 'float' };
    if (choice < 0.33)
      return {
        text: `${pick([`pow(${name}, 2)`, `pow(${name}, 3)`, `atan2(${name}, ${quoted(other.name)})`])}`,
        type: 'float',
      };
    if (choice < 0.36 && column.type === 'integer') {
      return { text: `${name} ${pick(['&', '|', '^'])} ${pick(['1', '6', '255'])}`, type: 'integer' };
    }
    if (choice < 0.4) return { text: `${name}::${pick(['float', 'integer'])}`, type: 'float' };
    if (choice < 0.5) {
      const math = pick(MATH);
      return {
        text: `${math}(${name})`,
        type: ['ceil', 'floor', 'round'].includes(math) ? column.type : 'float',
      };
    }
    return { text: name, type: column.type };
  }

  /** A function of neighbouring rows. */
  function transformation(argument: string, type: ValueType): { text: string; type: ValueType } {
    const numeric = type === 'float' || type === 'integer';
    if (!numeric) return { text: `elapsed(${argument}, 1s)`, type: 'integer' };
    switch (below(9)) {
      case 0:
        return { text: `difference(${argument})`, type };
      case 1:
        return { text: `non_negative_difference(${argument})`, type };
      case 2:
        return { text: `derivative(${argument}, ${pick(['1s', '10s', '1m'])})`, type: 'float' };
      case 3:
        return { text: `non_negative_derivative(${argument})`, type: 'float' };
      case 4:
        return { text: `cumulative_sum(${argument})`, type };
      case 5:
        return { text: `moving_average(${argument}, ${2 + below(4)})`, type: 'float' };
      case 6:
        return { text: `elapsed(${argument}, ${pick(['1s', '1m', '1ms'])})`, type: 'integer' };
      case 7:
        return { text: `exponential_moving_average(${argument}, ${2 + below(4)})`, type: 'float' };
      default:
        return {
          text: `${pick(TECHNICAL)}(${argument}, ${2 + below(3)})`,
          type: 'float',
        };
    }
  }

  function named(
    terms: readonly { text: string; type: ValueType }[],
    nested: boolean,
  ): { text: string; columns: Column[] } {
    // Names are always given where a query around has to know them.
    const parts = terms.map(({ text, type }, i) => {
      const alias = nested || chance(0.2) ? `c${i}` : null;
      return { text: alias === null ? text : `${text} AS ${alias}`, column: { name: alias ?? '', type } };
    });
    return { text: parts.map(({ text }) => text).join(', '), columns: parts.map(({ column }) => column) };
  }

  function grouping(from: Rows, mustSeparateTies: boolean): string[] {
    const tags = [...from.tags.keys()];
    if (tags.length === 0) return [];
    if (from.keptTags.length > 0) return [...from.keptTags];
    if (mustSeparateTies) return [...new Set([...from.tieTags, ...(chance(0.3) ? [pick(tags)] : [])])];
    if (chance(0.4)) return [];
    return some(tags, 3);
  }

  function select(from: Rows, { nested, kinds = KINDS }: { nested: boolean; kinds?: readonly string[] }): Select {
    const { measurement } = from;
    // A subquery whose rows may have one time offers nothing that could set them apart.
    const canOrder = !from.tieTags.includes(INSEPARABLE);
    const wanted = pick(kinds);
    const numeric = from.columns.some(isNumber);
    const oneSeries = OF_ONE_SERIES.has(wanted) || (nested && MANY_ROWS.has(wanted));
    const mustGroup = from.keptTags.length > 0 || (from.tieTags.length > 0 && wanted === 'integral');
    const isOut = (!numeric && NUMERIC.has(wanted)) || (!canOrder && ORDERED.has(wanted)) || (oneSeries && mustGroup);
    const kind = isOut ? 'raw' : wanted;
    const needsOrder = ORDERED.has(kind);
    const ungrouped = (nested && MANY_ROWS.has(kind)) || OF_ONE_SERIES.has(kind);
    const dimensions = ungrouped ? [] : grouping(from, needsOrder && canOrder && from.tieTags.length > 0);
    const separated = canOrder && from.tieTags.every((tag) => dimensions.includes(tag));
    const windowed =
      kind === 'window' ||
      kind === 'rows of windows' ||
      kind === 'forecast' ||
      kind === 'integral' ||
      ((kind === 'selector' || kind === 'top' || kind === 'distinct') && chance(0.3));
    const windowSeconds = windowed ? windowOf(measurement) : null;
    const { terms, distinctRows } = termsOf(kind, from, separated);
    const { text: fields, columns } = named(terms, nested);

    const clauses: string[] = [];
    // Rows of a window that begins before the range are a window of their own there.
    if (windowed || (!from.nested && chance(0.3))) clauses.push(timeRange(measurement));
    if (chance(0.35)) clauses.push(condition(from, 2));
    const groups = dimensions.map(quoted);
    if (windowSeconds !== null)
      groups.push(chance(0.15) ? `time(${windowSeconds}s, ${1 + below(windowSeconds)}s)` : `time(${windowSeconds}s)`);
    if (groups.length > 1 && chance(0.3)) groups.reverse();
    let text = `SELECT ${fields} FROM ${from.source}`;
    if (clauses.length > 0) text += ` WHERE ${clauses.join(' AND ')}`;
    if (groups.length > 0) text += ` GROUP BY ${groups.join(', ')}`;
    if (windowSeconds !== null && chance(0.6))
      text += ` fill(${pick(['null', 'none', 'previous', 'linear', '0', '7', '-1.5'])})`;
    if (!nested) text += ending(kind, from, separated && distinctRows, dimensions.length > 0);
    const ordered =
      kind === 'raw' || kind === 'rows'
        ? separated && dimensions.length === 0
        : dimensions.length === 0 && windowSeconds !== null && (kind === 'window' || kind === 'rows of windows');
    const inSeries = dimensions.length > 0 && (windowed || kind === 'rows' || terms.length > 1);
    return { text, columns, tags: dimensions, ordered, windowSeconds, inSeries };
  }

  function ending(kind: string, from: Rows, canCut: boolean, grouped: boolean): string {
    const oneShard = from.measurement.from === START;
    let text = '';
    // Newest first, influxd 1.6 gives the rows of top() and bottom() oldest first all the same.
    if (chance(0.2)) text += ` ORDER BY time ${kind === 'top' || from.nested ? 'ASC' : pick(['DESC', 'ASC'])}`;
    if (canCut || kind === 'window') {
      if (chance(0.2)) text += ` LIMIT ${1 + below(6)}`;
      if (text.includes('LIMIT') && chance(0.5)) text += ` OFFSET ${below(4)}`;
    }
    if (grouped && oneShard && kind !== 'top' && chance(0.1))
      text += ` SLIMIT ${1 + below(3)}${chance(0.3) ? ' SOFFSET 1' : ''}`;
    if (chance(0.06)) text += ` tz('${pick(['Europe/Berlin', 'America/Los_Angeles', 'Asia/Kolkata'])}')`;
    return text;
  }

  function windowOf({ from, until }: Measurement): number {
    const span = Math.max(4, until - from);
    return Math.max(1, Math.round(span / (2 + below(28))));
  }

  function times<T>(count: number, make: () => T): T[] {
    return Array.from({ length: count }, make);
  }

  /** What stands between SELECT and FROM; distinctRows: no two of its rows have one time. */
  function termsOf(
    kind: string,
    from: Rows,
    separated: boolean,
  ): { terms: { text: string; type: ValueType }[]; distinctRows: boolean } {
    const numbers = from.columns.filter(isNumber);
    const raw = () => ({ terms: times(1 + below(3), () => rawTerm(from)), distinctRows: separated });
    switch (kind) {
      case 'aggregate':
      case 'window':
        return {
          terms: times(1 + below(3), () =>
            aggregateTerm(from, separated || (kind === 'window' && !from.tieTags.includes(INSEPARABLE))),
          ),
          distinctRows: true,
        };
      case 'selector': {
        const column = columnFor('min', from);
        // What stands beside a selected value is only defined when no other row has value and time.
        if (column === null || !separated) return { terms: [aggregateTerm(from, separated)], distinctRows: true };
        const name = pick(SELECTORS);
        const others = some(from.columns, 2).map(({ name: other, type }) => ({ text: quoted(other), type }));
        return {
          terms: [{ text: `${name}(${quoted(column.name)})`, type: column.type }, ...others],
          distinctRows: true,
        };
      }
      case 'rows': {
        const make = () => {
          const column = pick(from.columns);
          return transformation(quoted(column.name), column.type);
        };
        return { terms: times(1 + below(2), make), distinctRows: true };
      }
      case 'rows of windows': {
        const call = aggregateCall(from, !from.tieTags.includes(INSEPARABLE));
        return { terms: [transformation(call.text, call.type)], distinctRows: true };
      }
      case 'top': {
        const column = pick(numbers);
        const tags = from.tags.size > 0 && chance(0.3) ? `, ${quoted(pick([...from.tags.keys()]))}` : '';
        const others = (tags === '' && chance(0.3) ? [pick(from.columns)] : []).map(({ name, type }) => ({
          text: quoted(name),
          type,
        }));
        return {
          terms: [
            { text: `${pick(['top', 'bottom'])}(${quoted(column.name)}${tags}, ${1 + below(5)})`, type: column.type },
            ...others,
          ],
          distinctRows: false,
        };
      }
      case 'integral': {
        const unit = pick(['', ', 1s', ', 10s', ', 1m', ', 1h']);
        return {
          terms: [{ text: `integral(${quoted(pick(numbers).name)}${unit})`, type: 'float' }],
          distinctRows: true,
        };
      }
      case 'forecast': {
        const call = `${pick(['mean', 'max', 'count'])}(${quoted(pick(numbers).name)})`;
        const name = pick(['holt_winters', 'holt_winters_with_fit']);
        return {
          terms: [{ text: `${name}(${call}, ${1 + below(5)}, ${pick([0, 0, 2, 3, 4])})`, type: 'float' }],
          distinctRows: true,
        };
      }
      case 'distinct': {
        const column = pick(from.columns);
        return { terms: [{ text: `distinct(${quoted(column.name)})`, type: column.type }], distinctRows: false };
      }
      default:
        return raw();
    }
  }

  function show(): string {
    const measurement = pick(MEASUREMENTS);
    const from = rowsOf(measurement);
    const where = from.tags.size > 0 && chance(0.5) ? ` WHERE ${tagOnly(from, 2)}` : '';
    const source = chance(0.7) ? ` FROM ${measurement.name}` : '';
    const limit = chance(0.3) ? ` LIMIT ${1 + below(4)}${chance(0.4) ? ` OFFSET ${below(3)}` : ''}` : '';
    const exact = chance(0.6) ? 'EXACT ' : '';
    const anyTag = from.tags.size > 0 ? pick([...from.tags.keys()]) : 'host';
    const key = pick([`= ${quoted(anyTag)}`, '=~ /./', `!= ${quoted(anyTag)}`, `IN (${quoted(anyTag)}, k)`]);
    switch (below(7)) {
      case 0:
        return `SHOW SERIES${source}${where}${limit}`;
      case 1:
        return `SHOW TAG KEYS${source}${where}${limit}`;
      case 2:
        return `SHOW TAG VALUES${source} WITH KEY ${key}${where}${limit}`;
      case 3:
        return `SHOW FIELD KEYS${source}${limit}`;
      case 4:
        return `SHOW MEASUREMENTS${where}${limit}`;
      case 5:
        return `SHOW TAG VALUES ${exact}CARDINALITY${source} WITH KEY ${key}`;
      default:
        return `SHOW ${measurement.from === START ? pick(['SERIES', 'TAG KEY']) : 'TAG KEY'} EXACT CARDINALITY FROM ${measurement.name}${where}`;
    }
  }

  function tagOnly(from: Rows, depth: number): string {
    if (depth > 0 && chance(0.4))
      return `(${tagOnly(from, depth - 1)} ${pick(['AND', 'OR'])} ${tagOnly(from, depth - 1)})`;
    return tagCondition(from);
  }

  /** Over several measurements, of which the first one's names are used. */
  function several(): string {
    const [first, ...others] = some(
      MEASUREMENTS.filter(({ from }) => from === START),
      3,
    );
    const names = [first!, ...others].map(({ name }) => name);
    const source = chance(0.3) ? `/^(${names.join('|')})$/` : names.join(', ');
    const tieTags = first!.tieTags.length > 0 || names.length > 1 ? [INSEPARABLE] : [];
    return select({ ...rowsOf(first!), source, tieTags }, { nested: false, kinds: KINDS_OF_MANY }).text;
  }

  /** With wildcards and regular expressions for fields and tags. */
  function wildcards(): string {
    const measurement = pick(MEASUREMENTS);
    const from = rowsOf(measurement);
    const which = pick(['*', '/./', '*::field', `/${pick(from.columns).name}/`, '/e/']);
    const calls = ['count', 'mean', 'max', 'min', 'sum', 'spread', 'median'];
    const isCall = chance(0.6);
    const field = isCall && which !== '/e/' ? `${pick(calls)}(${which})` : which;
    const clauses = [timeRange(measurement), ...(chance(0.4) ? [condition(from, 2)] : [])];
    const groups = pick([[], ['*'], ['/e/'], [...from.tags.keys()].map(quoted)]);
    if (isCall && which !== '/e/' && chance(0.4)) groups.push(`time(${windowOf(measurement)}s)`);
    const grouping = groups.length === 0 ? '' : ` GROUP BY ${groups.join(', ')}`;
    return `SELECT ${field} FROM ${measurement.name} WHERE ${clauses.join(' AND ')}${grouping}`;
  }

  return {
    statement() {
      if (chance(0.08)) return show();
      if (chance(0.05)) return several();
      if (chance(0.05)) return wildcards();
      const depth = pick([0, 0, 0, 1, 1, 2]);
      return select(rows(pick(MEASUREMENTS), depth), { nested: false }).text;
    },
  };
}

function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name}"`;
}
