/**
 * Random statements as trees, for tests: everything that a tree can hold and the parser can make. Nothing here has to make
 * sense, only to be sayable.
 */
import type { Random } from '../promql/expression-generator.ts';
import type {
  BinaryOperator,
  CastType,
  Expression,
  Fill,
  MeasurementSource,
  SelectStatement,
  Source,
  Statement,
  TagKeyCondition,
} from './ast.ts';

const NAMES = [
  'a',
  'b',
  'value',
  'select',
  'with space',
  'quo"te',
  'back\\slash',
  "it's",
  'new\nline',
  'né',
  '😀',
  '1st',
  '',
];
const TEXTS = ['', 'x', "it's", 'a"b', '\\', 'line\nbreak', '😀', '2020-01-01T00:00:00Z', '$p', '/* no */'];
const PATTERNS = ['a', '.*', 'a/b', '^x$', '(a|b)c', '\\d+', '[^a]', '//'];
const CASTS: (CastType | null)[] = [
  null,
  null,
  null,
  'float',
  'integer',
  'unsigned',
  'string',
  'boolean',
  'tag',
  'anyField',
];
const ARITHMETIC: BinaryOperator[] = ['+', '-', '*', '/', '%', '&', '|', '^'];
const COMPARISON: BinaryOperator[] = ['=', '!=', '<', '<=', '>', '>='];
const PRECEDENCE: Partial<Record<BinaryOperator, number>> = { OR: 1, AND: 2, '+': 4, '-': 4, '|': 4, '^': 4 };
const FIVE = new Set<BinaryOperator>(['*', '/', '%', '&']);

function precedence(operator: BinaryOperator): number {
  return PRECEDENCE[operator] ?? (FIVE.has(operator) ? 5 : 3);
}

export class StatementGenerator {
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  statement(): Statement {
    const database = this.chance(0.5) ? this.name() : '';
    const condition = this.chance(0.5) ? this.condition(2) : null;
    const page = { limit: this.count(), offset: this.count() };
    const sources = this.chance(0.5) ? [this.measurement()] : [];
    switch (this.below(8)) {
      case 0:
        return { kind: 'show series', database, sources, condition, orderBy: [], ...page };
      case 1: {
        const names = this.chance(0.5) ? [this.name()] : [this.name(), this.name()];
        const operator = names.length > 1 ? 'IN' : this.pick(['=', '!='] as const);
        const keys: TagKeyCondition = { operator, names, regex: null };
        return { kind: 'show tag values', database, sources, keys, condition, orderBy: [], ...page };
      }
      case 2:
        return { kind: 'explain', analyze: this.chance(0.5), statement: this.select(1) };
      case 3: {
        const measurement: MeasurementSource = { ...this.measurement(), database: '', retentionPolicy: '' };
        return { kind: 'delete', sources: [measurement], condition };
      }
      default:
        return this.select(2);
    }
  }

  select(depth: number): SelectStatement {
    const fields = this.list(3, () => ({
      expression: this.chance(0.1) ? this.regex() : this.value(depth + 1),
      alias: this.chance(0.3) ? this.name() : '',
    }));
    const into = this.measurement();
    return {
      kind: 'select',
      fields,
      into: this.chance(0.2) && into.regex === null ? { measurement: into, backReference: false } : null,
      sources: this.list(2, () => this.source(depth)),
      condition: this.chance(0.6) ? this.condition(depth) : null,
      dimensions: this.chance(0.4) ? this.dimensions() : [],
      fill: this.chance(0.3) ? this.fill() : null,
      orderBy: this.chance(0.3) ? [{ name: this.pick(['', 'time']), ascending: this.chance(0.5) }] : [],
      limit: this.count(),
      offset: this.count(),
      seriesLimit: this.count(),
      seriesOffset: this.count(),
      timezone: this.chance(0.2) ? this.pick(['UTC', 'Europe/Berlin']) : null,
    };
  }

  private below(limit: number): number {
    return this.random.below(limit);
  }

  private chance(share: number): boolean {
    return this.random.chance(share);
  }

  private pick<T>(list: readonly T[]): T {
    return this.random.pick(list);
  }

  private list<T>(most: number, make: () => T): T[] {
    return Array.from({ length: 1 + this.below(most) }, make);
  }

  private count(): number {
    return this.chance(0.3) ? this.below(1000) : 0;
  }

  private name(): string {
    return this.pick(NAMES.slice(0, -1));
  }

  private regex(): Extract<Expression, { kind: 'regex' }> {
    return { kind: 'regex', pattern: this.pick(PATTERNS) };
  }

  private source(depth: number): Source {
    if (depth > 0 && this.chance(0.3))
      return { kind: 'subquery', statement: { ...this.select(depth - 1), into: null } };
    return this.measurement();
  }

  private measurement(): MeasurementSource {
    const retentionPolicy = this.chance(0.3) ? this.name() : '';
    const database = this.chance(0.2) ? this.name() : '';
    const regex = this.chance(0.2) ? this.regex() : null;
    return { kind: 'measurement', database, retentionPolicy, name: regex === null ? this.name() : '', regex };
  }

  private fill(): Fill {
    const kind = this.pick(['none', 'previous', 'linear', 'number'] as const);
    return kind === 'number' ? { kind, value: BigInt(this.below(100) - 50) } : { kind };
  }

  private dimensions(): Expression[] {
    const tag = (): Expression => ({ kind: 'variable', name: this.name(), cast: null });
    const windows: Expression = { kind: 'call', name: 'time', arguments: [this.duration()] };
    return this.chance(0.5) ? [windows, tag()] : [tag(), { kind: 'wildcard', only: null }];
  }

  private duration(): Expression {
    return {
      kind: 'duration',
      value: BigInt(this.below(1e6)) * this.pick([1n, 1000n, 1_000_000_000n, 3_600_000_000_000n]),
    };
  }

  private literal(): Expression {
    switch (this.below(7)) {
      case 0:
        return { kind: 'number', value: (this.below(2000) - 1000) / 8 };
      case 1:
        return { kind: 'integer', value: BigInt(this.below(2 ** 31)) * this.pick([1n, -1n, 4_000_000_000n]) };
      case 2:
        return { kind: 'integer', value: this.pick([-9223372036854775808n, 9223372036854775807n, 0n]) };
      case 3:
        return { kind: 'unsigned', value: 9223372036854775808n + BigInt(this.below(2 ** 31)) };
      case 4:
        return { kind: 'string', value: this.pick(TEXTS) };
      case 5:
        return { kind: 'boolean', value: this.chance(0.5) };
      default:
        return this.duration();
    }
  }

  private value(depth: number): Expression {
    if (depth <= 0 || this.chance(0.3)) {
      if (this.chance(0.4)) return this.literal();
      return { kind: 'variable', name: this.name(), cast: this.pick(CASTS) };
    }
    switch (this.below(6)) {
      case 0:
        return { kind: 'parentheses', inner: this.value(depth - 1) };
      case 1:
        return { kind: 'call', name: this.pick(['mean', 'f_2']), arguments: this.list(3, () => this.value(depth - 1)) };
      case 2:
        return { kind: 'wildcard', only: this.pick([null, 'field', 'tag']) };
      case 3:
        return { kind: 'distinct', field: this.pick(['a', 'value']) };
      case 4:
        return { kind: 'call', name: 'count', arguments: this.chance(0.5) ? [this.regex()] : [] };
      default:
        return this.binary(this.pick(ARITHMETIC), this.value(depth - 1), this.value(depth - 1));
    }
  }

  private condition(depth: number): Expression {
    if (depth > 0 && this.chance(0.5)) {
      return this.binary(this.pick(['AND', 'OR']), this.condition(depth - 1), this.condition(depth - 1));
    }
    if (this.chance(0.2)) {
      const left: Expression = { kind: 'variable', name: this.name(), cast: null };
      return { kind: 'binary', operator: this.pick(['=~', '!~']), left, right: this.regex() };
    }
    return this.binary(this.pick(COMPARISON), this.value(depth), this.value(depth));
  }

  /** With parentheses where the sides would otherwise be taken apart. */
  private binary(operator: BinaryOperator, left: Expression, right: Expression): Expression {
    const own = precedence(operator);
    const wrap = (node: Expression, least: number): Expression =>
      node.kind === 'binary' && precedence(node.operator) < least ? { kind: 'parentheses', inner: node } : node;
    return { kind: 'binary', operator, left: wrap(left, own), right: wrap(right, own + 1) };
  }
}
