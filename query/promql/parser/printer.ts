/** Expressions as text: on one line, and split over lines of at most 100 characters as /api/v1/format_query gives them. */
import { formatMatcher, isPlainLabelName, METRIC_NAME } from '../matcher.ts';
import { formatGeneral, formatPlain } from '../number-format.ts';
import type {
  Aggregation,
  BinaryExpr,
  DurationNode,
  Expr,
  MatrixSelector,
  NumberLiteral,
  Subquery,
  VectorSelector,
} from './ast.ts';
import { formatDurationMs } from './duration.ts';
import { quote } from './token.ts';

/** The expression on one line. */
export function printExpression(expr: Expr): string {
  switch (expr.type) {
    case 'number':
      return printNumber(expr);
    case 'string':
      return quote(expr.value);
    case 'vectorSelector':
      return printSelector(expr);
    case 'matrixSelector':
      return printMatrixSelector(expr);
    case 'subquery':
      return printExpression(expr.expr) + subquerySuffix(expr);
    case 'call':
      return `${expr.func.name}(${expr.args.map(printExpression).join(', ')})`;
    case 'aggregation': {
      const param = expr.param === null ? '' : `${printExpression(expr.param)}, `;
      return `${aggregationHead(expr)}(${param}${printExpression(expr.expr)})`;
    }
    case 'unary':
      return expr.op + printExpression(expr.expr);
    case 'binary':
      return `${printExpression(expr.left)} ${binaryHead(expr)} ${printExpression(expr.right)}`;
    case 'paren':
      return `(${printExpression(expr.expr)})`;
    case 'stepInvariant':
      return printExpression(expr.expr);
  }
}

const MAX_LINE = 100;

/** The expression with what is longer than a line split and indented. */
export function prettyExpression(expr: Expr, level = 0): string {
  const indent = '  '.repeat(level);
  const line = printExpression(expr);
  const isLong = line.length > MAX_LINE;
  switch (expr.type) {
    case 'aggregation': {
      if (!isLong) return indent + line;
      const param = expr.param === null ? '' : `${prettyExpression(expr.param, level + 1)},\n`;
      return `${indent}${aggregationHead(expr)}(\n${param}${prettyExpression(expr.expr, level + 1)}\n${indent})`;
    }
    case 'binary':
      if (!isLong) return indent + line;
      return `${prettyExpression(expr.left, level + 1)}\n${indent}${binaryHead(expr)}\n${prettyExpression(expr.right, level + 1)}`;
    case 'call': {
      if (!isLong) return indent + line;
      const args = expr.args.map((arg) => prettyExpression(arg, level + 1)).join(',\n');
      return `${indent}${expr.func.name}(\n${args}\n${indent})`;
    }
    case 'paren':
      return isLong ? `${indent}(\n${prettyExpression(expr.expr, level + 1)}\n${indent})` : indent + line;
    case 'subquery':
      return isLong ? prettyExpression(expr.expr, level) + subquerySuffix(expr) : indent + line;
    case 'unary':
      return indent + expr.op + prettyExpression(expr.expr, level).trim();
    case 'stepInvariant':
      return prettyExpression(expr.expr, level);
    default:
      return indent + line;
  }
}

function printNumber(literal: NumberLiteral): string {
  if (!literal.duration) return formatPlain(literal.value);
  const sign = literal.value < 0 ? '-' : '';
  return sign + formatDurationMs(Math.abs(literal.value) * 1000);
}

function printLabels(labels: readonly string[]): string {
  return labels.map((label) => (isPlainLabelName(label) ? label : quote(label))).join(', ');
}

function aggregationHead(expr: Aggregation): string {
  if (expr.without) return `${expr.op} without (${printLabels(expr.grouping)}) `;
  return expr.grouping.length > 0 ? `${expr.op} by (${printLabels(expr.grouping)}) ` : expr.op;
}

/** The operator with its modifiers. */
function binaryHead(expr: BinaryExpr): string {
  let head = expr.op + (expr.returnBool ? ' bool' : '');
  const matching = expr.matching;
  if (matching === null) return head;
  const isGrouped = matching.card === 'many-to-one' || matching.card === 'one-to-many';
  if (matching.labels.length > 0 || matching.on || isGrouped) {
    head += ` ${matching.on ? 'on' : 'ignoring'} (${printLabels(matching.labels)})`;
  }
  if (isGrouped) {
    head += ` group_${matching.card === 'many-to-one' ? 'left' : 'right'} (${printLabels(matching.include)})`;
  }
  const { fillLeft, fillRight } = matching;
  if (fillLeft !== null && Object.is(fillLeft, fillRight)) head += ` fill (${formatGeneral(fillLeft)})`;
  else {
    if (fillLeft !== null) head += ` fill_left (${formatGeneral(fillLeft)})`;
    if (fillRight !== null) head += ` fill_right (${formatGeneral(fillRight)})`;
  }
  return head;
}

function printDuration(node: DurationNode): string {
  const inner = printBareDuration(node);
  return node.type !== 'number' && node.wrapped ? `(${inner})` : inner;
}

function printBareDuration(node: DurationNode): string {
  switch (node.type) {
    case 'number':
      return printNumber(node);
    case 'durationWord':
      return `${node.word}()`;
    case 'durationPick':
      return `${node.word}(${printDuration(node.left)}, ${printDuration(node.right)})`;
    case 'durationOp':
      if (node.left === null) return (node.op === '-' ? '-' : '') + printDuration(node.right);
      return `${printDuration(node.left)} ${node.op} ${printDuration(node.right)}`;
  }
}

function atSuffix(node: VectorSelector | Subquery): string {
  if (node.timestampMs !== null) return ` @ ${(node.timestampMs / 1000).toFixed(3)}`;
  return node.startOrEnd === null ? '' : ` @ ${node.startOrEnd}()`;
}

function offsetSuffix(node: VectorSelector | Subquery): string {
  if (node.offsetExpr !== null) return ` offset ${printDuration(node.offsetExpr)}`;
  if (node.offsetMs === 0) return '';
  return ` offset ${node.offsetMs < 0 ? '-' : ''}${formatDurationMs(Math.abs(node.offsetMs))}`;
}

function extensionSuffix(node: VectorSelector): string {
  return node.anchored ? ' anchored' : node.smoothed ? ' smoothed' : '';
}

function selectorBody(node: VectorSelector): string {
  const matchers = node.matchers
    .filter(({ name, op, value }) => !(name === METRIC_NAME && op === '=' && value === node.name && value !== ''))
    .map(formatMatcher)
    .sort();
  return matchers.length === 0 ? node.name || '{}' : `${node.name}{${matchers.join(',')}}`;
}

function printSelector(node: VectorSelector): string {
  return selectorBody(node) + atSuffix(node) + extensionSuffix(node) + offsetSuffix(node);
}

function rangeText(rangeMs: number, rangeExpr: DurationNode | null): string {
  return rangeExpr === null ? formatDurationMs(rangeMs) : printDuration(rangeExpr);
}

function printMatrixSelector({ vector, rangeMs, rangeExpr }: MatrixSelector): string {
  const range = `[${rangeText(rangeMs, rangeExpr)}]`;
  return selectorBody(vector) + range + extensionSuffix(vector) + atSuffix(vector) + offsetSuffix(vector);
}

function subquerySuffix(node: Subquery): string {
  const step = node.stepExpr !== null || node.stepMs !== 0 ? rangeText(node.stepMs, node.stepExpr) : '';
  return `[${rangeText(node.rangeMs, node.rangeExpr)}:${step}]${atSuffix(node)}${offsetSuffix(node)}`;
}
