/**
 * What InfluxDB checks of a field: functions and their arguments, and where variables, wildcards and literals may stand.
 *
 * Each function's rules are an entry of the table; what all windows' transformations have in common is one rule.
 */
import type { CallNode, Expression } from '../ast.ts';
import { MATH_KERNELS } from '../functions/math.ts';
import { TECHNICAL_FUNCTIONS } from '../functions/technical.ts';
import { formatDuration } from '../parser/duration.ts';
import { parseError } from '../parser/parse-error.ts';
import { printExpression } from '../print.ts';
import { goTypeName, isLiteral } from './expressions.ts';

/** What is found in the fields of one statement; the rules about all of them look at it afterwards. */
export interface CallScope {
  readonly windows: { readonly durationNs: bigint };
  /** The windows are those of the statement around it. */
  readonly inheritedWindows: boolean;
  /** LIMIT; 0 is none. */
  readonly limit: number;
  readonly writesInto: boolean;
  fields: number;
  calls: number;
  /** No function but min, max, first, last, percentile, sample. */
  onlySelectors: boolean;
  hasDistinct: boolean;
  /** `top` or `bottom`, if one is there. */
  extreme: string;
  /** Fields and tags outside of aggregates. */
  hasPlainFields: boolean;
}

/** A field in the middle of being checked. */
interface FieldScope {
  readonly scope: CallScope;
  /** False inside of operations. */
  wildcards: boolean;
}

export function checkCall(expression: Expression, scope: CallScope): void {
  checkExpression(expression, { scope, wildcards: true });
}

function checkExpression(node: Expression, field: FieldScope): void {
  const { scope } = field;
  switch (node.kind) {
    case 'variable':
      scope.hasPlainFields = true;
      return;
    case 'wildcard':
    case 'regex':
      if (!field.wildcards) throw parseError(`unable to use ${node.kind} in a binary expression`);
      scope.hasPlainFields = true;
      return;
    case 'call':
      checkFunction(node, field);
      return;
    case 'distinct':
      scope.calls++;
      checkDistinct([{ kind: 'variable', name: node.field, cast: null }], scope, false);
      return;
    case 'binary':
      field.wildcards = false;
      if (isLiteral(node.left) && isLiteral(node.right)) {
        throw parseError('cannot perform a binary expression on two literals');
      }
      if (!isLiteral(node.left)) checkExpression(node.left, field);
      if (!isLiteral(node.right)) checkExpression(node.right, field);
      return;
    case 'parentheses':
      checkExpression(node.inner, field);
      return;
    default:
      throw parseError('field must contain at least one variable');
  }
}

function checkFunction(call: CallNode, field: FieldScope): void {
  if (MATH_KERNELS.has(call.name)) {
    mathArguments(call, 'field');
    for (const each of call.arguments) if (!isLiteral(each)) checkExpression(each, field);
    return;
  }
  field.scope.calls++;
  const check = CHECKS.get(call.name);
  if (check === undefined) throw parseError(`undefined function ${call.name}()`);
  check(call, field);
}

/** How many arguments a math function takes; InfluxDB has log() with one in conditions. */
export function mathArguments({ name, arguments: list }: CallNode, place: 'field' | 'condition'): void {
  const expected = name === 'atan2' || name === 'pow' || (name === 'log' && place === 'field') ? 2 : 1;
  exactly(name, list, expected);
}

function exactly(name: string, list: readonly Expression[], expected: number, shown = `${expected}`): void {
  if (list.length !== expected) {
    throw parseError(`invalid number of arguments for ${name}, expected ${shown}, got ${list.length}`);
  }
}

function between(name: string, list: readonly Expression[], least: number, most: number): void {
  if (list.length < least || list.length > most) {
    const range = `expected at least ${least} but no more than ${most}, got ${list.length}`;
    throw parseError(`invalid number of arguments for ${name}, ${range}`);
  }
}

/** A field, or a wildcard or regular expression that stands for some. */
function checkSymbol(name: string, node: Expression, { scope, wildcards }: FieldScope): void {
  if (node.kind === 'variable') return;
  if (node.kind !== 'wildcard' && node.kind !== 'regex') throw parseError(`expected field argument in ${name}()`);
  if (!wildcards) {
    throw parseError(`unsupported expression with ${node.kind === 'regex' ? 'regex field' : 'wildcard'}: ${name}()`);
  }
  scope.onlySelectors = false;
}

type Check = (call: CallNode, field: FieldScope) => void;

const checkSelector: Check = ({ name, arguments: list }, field) => {
  exactly(name, list, 1);
  checkSymbol(name, list[0], field);
};

const checkAggregate: Check = (call, field) => {
  field.scope.onlySelectors = false;
  checkSelector(call, field);
};

const checkCount: Check = (call, field) => {
  const { scope } = field;
  scope.onlySelectors = false;
  exactly(call.name, call.arguments, 1);
  const [argument] = call.arguments;
  if (argument.kind === 'distinct') return;
  if (argument.kind === 'call' && argument.name === 'distinct') checkDistinct(argument.arguments, scope, true);
  else checkSymbol(call.name, argument, field);
};

function checkDistinct(list: readonly Expression[], scope: CallScope, nested: boolean): void {
  if (list.length === 0) throw parseError('distinct function requires at least one argument');
  if (list.length > 1) throw parseError('distinct function can only have one argument');
  if (list[0].kind !== 'variable') throw parseError('expected field argument in distinct()');
  if (!nested) scope.hasDistinct = true;
  scope.onlySelectors = false;
}

const checkPercentile: Check = ({ name, arguments: list }, field) => {
  exactly(name, list, 2);
  if (list[1].kind !== 'integer' && list[1].kind !== 'number') throw parseError(`expected float argument in ${name}()`);
  checkSymbol(name, list[0], field);
};

const checkSample: Check = ({ name, arguments: list }, field) => {
  exactly(name, list, 2);
  const [argument, size] = list;
  if (size.kind !== 'integer') throw parseError(`expected integer argument in ${name}()`);
  if (size.value <= 0n) throw parseError(`sample window must be greater than 1, got ${size.value}`);
  checkSymbol(name, argument, field);
};

const checkIntegral: Check = ({ name, arguments: list }, field) => {
  between(name, list, 1, 2);
  const unit = list.at(1);
  if (unit !== undefined) checkUnit(unit, 'second argument must be a duration');
  field.scope.onlySelectors = false;
  checkSymbol(name, list[0], field);
};

function checkUnit(unit: Expression, otherwise: string): void {
  if (unit.kind !== 'duration') throw parseError(otherwise);
  if (unit.value <= 0n) throw parseError(`duration argument must be positive, got ${formatDuration(unit.value)}`);
}

const checkExtreme: Check = (call, field) => {
  const { scope } = field;
  const { name, arguments: list } = call;
  if (scope.extreme !== '') {
    throw parseError(`selector function ${scope.extreme}() cannot be combined with other functions`);
  }
  if (list.length < 2) {
    throw parseError(`invalid number of arguments for ${name}, expected at least 2, got ${list.length}`);
  }
  const limit = list[list.length - 1];
  if (limit.kind !== 'integer') {
    throw parseError(`expected integer as last argument in ${name}(), found ${printExpression(limit)}`);
  }
  if (limit.value <= 0n) throw parseError(`limit (${limit.value}) in ${name} function must be at least 1`);
  if (scope.limit > 0 && limit.value > scope.limit) {
    const rule = `can not be larger than the LIMIT (${scope.limit}) in the select statement`;
    throw parseError(`limit (${limit.value}) in ${name} function ${rule}`);
  }
  if (list[0].kind !== 'variable') {
    throw parseError(`expected first argument to be a field in ${name}(), found ${printExpression(list[0])}`);
  }
  for (const each of list.slice(1, -1)) {
    if (each.kind !== 'variable') {
      throw parseError(`only fields or tags are allowed in ${name}(), found ${printExpression(each)}`);
    }
    // The tags come as columns of their own.
    if (!scope.writesInto) {
      scope.fields++;
      scope.hasPlainFields = true;
    }
  }
  scope.extreme = name;
};

/** The first argument of what works on a row of values: an aggregate per window, or a field where there are no windows. */
function checkInput(name: string, input: Expression, field: FieldScope, distinctNests: boolean): void {
  const { scope } = field;
  const hasWindows = scope.windows.durationNs !== 0n;
  scope.onlySelectors = false;
  if (input.kind === 'call') {
    if (!hasWindows) throw parseError(`${name} aggregate requires a GROUP BY interval`);
    if (distinctNests) checkNested(input, field);
    else checkExpression(input, field);
    return;
  }
  if (hasWindows && !scope.inheritedWindows) throw parseError(`aggregate function required inside the call to ${name}`);
  checkSymbol(name, input, field);
}

/** distinct() inside of another function may stand beside others. */
function checkNested(call: CallNode, field: FieldScope): void {
  if (call.name === 'distinct') checkDistinct(call.arguments, field.scope, true);
  else checkExpression(call, field);
}

const checkRate: Check = ({ name, arguments: list }, field) => {
  between(name, list, 1, 2);
  const unit = list.at(1);
  if (unit !== undefined) checkUnit(unit, `second argument to ${name} must be a duration, got ${goTypeName(unit)}`);
  checkInput(name, list[0], field, true);
};

const checkDifference: Check = ({ name, arguments: list }, field) => {
  exactly(name, list, 1);
  checkInput(name, list[0], field, true);
};

const checkMovingAverage: Check = ({ name, arguments: list }, field) => {
  exactly(name, list, 2);
  const [input, size] = list;
  if (size.kind !== 'integer') {
    throw parseError(`second argument for ${name} must be an integer, got ${goTypeName(size)}`);
  }
  if (size.value <= 1n) throw parseError(`${name} window must be greater than 1, got ${size.value}`);
  checkInput(name, input, field, true);
};

const checkTechnical: Check = ({ name, arguments: list }, field) => {
  const hasWarmup = !name.startsWith('kaufmans');
  between(name, list, 2, hasWarmup ? 4 : 3);
  const [input, period, hold, warmup] = list;
  if (period.kind !== 'integer') throw parseError(`${name} period must be an integer`);
  if (period.value < 1n) throw parseError(`${name} period must be greater than or equal to 1`);
  if (hold !== undefined) checkHold(name, hold);
  if (warmup !== undefined) checkWarmup(name, warmup);
  checkInput(name, input, field, false);
};

function checkHold(name: string, hold: Expression): void {
  if (hold.kind !== 'integer') throw parseError(`${name} hold period must be an integer`);
  const least = name === 'triple_exponential_derivative' ? 1n : 0n;
  if (hold.value < least && hold.value !== -1n) {
    throw parseError(`${name} hold period must be greater than or equal to ${least}`);
  }
}

function checkWarmup(name: string, warmup: Expression): void {
  if (warmup.kind !== 'string') throw parseError(`${name} warmup type must be a string`);
  const types = name === 'chande_momentum_oscillator' ? ['none', 'exponential', 'simple'] : ['exponential', 'simple'];
  if (types.includes(warmup.value)) return;
  throw parseError(`${name} warmup type must be one of: ${types.map((type) => `'${type}'`).join(' ')}`);
}

const checkHoltWinters: Check = ({ name, arguments: list }, field) => {
  exactly(name, list, 3);
  const [input, count, season] = list;
  if (count.kind !== 'integer') throw parseError(`expected integer argument as second arg in ${name}`);
  if (count.value <= 0n) throw parseError(`second arg to ${name} must be greater than 0, got ${count.value}`);
  if (season.kind !== 'integer') throw parseError(`expected integer argument as third arg in ${name}`);
  if (season.value < 0n) throw parseError(`third arg to ${name} cannot be negative, got ${season.value}`);
  field.scope.onlySelectors = false;
  if (input.kind !== 'call') throw parseError(`must use aggregate function with ${name}`);
  if (field.scope.windows.durationNs === 0n) throw parseError(`${name} aggregate requires a GROUP BY interval`);
  checkNested(input, field);
};

const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ...['min', 'max', 'first', 'last'].map((name) => [name, checkSelector] as const),
  ...['sum', 'mean', 'median', 'mode', 'stddev', 'spread'].map((name) => [name, checkAggregate] as const),
  ['count', checkCount],
  ['distinct', ({ arguments: list }, { scope }) => checkDistinct(list, scope, false)],
  ['percentile', checkPercentile],
  ['sample', checkSample],
  ['integral', checkIntegral],
  ['top', checkExtreme],
  ['bottom', checkExtreme],
  ...['derivative', 'non_negative_derivative', 'elapsed'].map((name) => [name, checkRate] as const),
  ...['difference', 'non_negative_difference', 'cumulative_sum'].map((name) => [name, checkDifference] as const),
  ['moving_average', checkMovingAverage],
  ...TECHNICAL_FUNCTIONS.map((name) => [name, checkTechnical] as const),
  ['holt_winters', checkHoltWinters],
  ['holt_winters_with_fit', checkHoltWinters],
]);
