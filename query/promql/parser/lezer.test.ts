/**
 * The parser against @prometheus-io/lezer-promql, the grammar of Prometheus' own editor: what one accepts the other must
 * accept, and both must see the same structure. Where that grammar stops short is listed at the end.
 */
import type { SyntaxNode } from '@lezer/common';
import { parser as lezerParser } from '@prometheus-io/lezer-promql';
import { describe, expect, it } from 'vitest';

import { ExpressionGenerator, seededRandom } from '../expression-generator.ts';
import type { Expr } from './ast.ts';
import { parseExpression } from './parser.ts';

/** The nesting of an expression, with everything but operators, calls and selectors left out. */
function shapeOf(expr: Expr): string {
  switch (expr.type) {
    case 'number':
      return 'n';
    case 'string':
      return 's';
    case 'vectorSelector':
      return 'v';
    case 'matrixSelector':
      return 'm';
    case 'subquery':
      return `sub(${shapeOf(expr.expr)})`;
    case 'call':
      return `call(${expr.args.map(shapeOf).join(',')})`;
    case 'aggregation':
      return `agg(${(expr.param === null ? [expr.expr] : [expr.param, expr.expr]).map(shapeOf).join(',')})`;
    case 'unary':
      return `u(${shapeOf(expr.expr)})`;
    case 'binary':
      return `b${expr.op}(${shapeOf(expr.left)},${shapeOf(expr.right)})`;
    case 'paren':
      return `p(${shapeOf(expr.expr)})`;
    case 'stepInvariant':
      return shapeOf(expr.expr);
  }
}

const WRAPPERS = new Set(['OffsetExpr', 'StepInvariantExpr', 'AnchoredExpr', 'SmoothedExpr']);
const EXPRESSIONS = new Set([
  'AggregateExpr',
  'BinaryExpr',
  'FunctionCall',
  'MatrixSelector',
  'NumberDurationLiteral',
  'ParenExpr',
  'StringLiteral',
  'SubqueryExpr',
  'UnaryExpr',
  'VectorSelector',
  ...WRAPPERS,
]);

function lezerShape(node: SyntaxNode, query: string): string {
  const children: SyntaxNode[] = [];
  const collect = (parent: SyntaxNode) => {
    for (let child = parent.firstChild; child !== null; child = child.nextSibling) {
      if (EXPRESSIONS.has(child.name)) children.push(child);
      else if (child.name === 'FunctionCallBody') collect(child);
    }
  };
  collect(node);
  const inner = () => children.map((child) => lezerShape(child, query)).join(',');
  if (WRAPPERS.has(node.name)) return lezerShape(children[0]!, query);
  switch (node.name) {
    case 'NumberDurationLiteral':
      return 'n';
    case 'StringLiteral':
      return 's';
    case 'VectorSelector':
      return 'v';
    case 'MatrixSelector':
      return 'm';
    case 'SubqueryExpr':
      return `sub(${inner()})`;
    case 'FunctionCall':
      return `call(${inner()})`;
    case 'AggregateExpr':
      return `agg(${inner()})`;
    case 'UnaryExpr':
      // A signed number is a number.
      return children[0]!.name === 'NumberDurationLiteral' ? 'n' : `u(${inner()})`;
    case 'ParenExpr':
      return `p(${inner()})`;
    case 'BinaryExpr': {
      const op = children[0]!.nextSibling!;
      return `b${query.slice(op.from, op.to).toLowerCase()}(${inner()})`;
    }
    default:
      throw new Error(`unknown node ${node.name}`);
  }
}

function lezerResult(query: string): string | null {
  const tree = lezerParser.parse(query);
  let failed = false;
  tree.iterate({
    enter(node) {
      if (node.type.isError) failed = true;
    },
  });
  return failed ? null : lezerShape(tree.topNode.firstChild!, query);
}

function ownResult(query: string): string | null {
  try {
    return shapeOf(parseExpression(query));
  } catch {
    return null;
  }
}

describe('against the grammar of lezer-promql', () => {
  it('sees the same structure in random expressions', () => {
    const seed = Number(process.env.VARVE_SEED ?? Math.floor(Math.random() * 2 ** 31));
    const generator = new ExpressionGenerator(seededRandom(seed), {
      legacy: false,
      metrics: ['up', 'a:b', 'sum', 'offset_x', 'step'],
      counters: ['c_total'],
      distinct: ['d'],
      finite: ['f'],
      labels: { job: ['a', 'b'], by: ['x'], instance: ['y'] },
      unitSeconds: 10,
      timestamps: [100, 1e9],
    });
    for (let i = 0; i < 2000; i++) {
      const query = generator.expression(1 + (i % 5));
      // That grammar takes -2 ^ x for (-2) ^ x; in Prometheus it is -(2 ^ x).
      if (/-(?:[\d.]+(?:e-?\d+)?|Inf) \^/.test(query)) continue;
      expect(ownResult(query), `seed ${seed}: ${query}`).toBe(lezerResult(query));
    }
  });

  const check = (query: string) => {
    it(query, () => {
      expect(ownResult(query)).not.toBeNull();
      expect(ownResult(query)).toBe(lezerResult(query));
    });
  };
  // Precedence and binding.
  check('a + b * c ^ d ^ e - f');
  check('a or b and c unless d == e + f');
  check('-a ^ b * c');
  check('a ^ -b');
  check('- -a atan2 b');
  // A grouping's place, keywords in any case, keywords as names.
  check('SUM(a) BY (job)');
  check('sum BY (by, on, bool, offset) (a)');
  check('a AND ON (sum) b');
  check('min + max');
  // Modifiers in every order.
  check('a[5m] offset 1m @ 10');
  check('a[5m] @ end() offset -1m');
  check('(a + b)[5m:] offset 1h');
  check('a[5m] smoothed offset 1m');
  // Later additions.
  check('a + on (x) group_left (y) fill_left (0) fill_right (1) b');
  check('a[5m + step() * 2:max_of(1m, step())] offset -(3 * 2)');
  check('a offset -5m ^ 2');
  check('{"utf8.name", "quoted label"=~"b"}');
  check('sum by ("quoted label") (a)');
  check('info(a, {b="c"})');

  it('both refuse', () => {
    for (const query of [
      'a +',
      'a b',
      'sum(a',
      'a[5m',
      'a{b=}',
      'a[]',
      'rate(a[5m]) by (x)',
      'a offset',
      '1 2',
      'a @',
    ]) {
      expect(ownResult(query), query).toBeNull();
      expect(lezerResult(query), query).toBeNull();
    }
  });

  it('binds a sign before a power as Prometheus does', () => {
    expect(ownResult('-2 ^ a')).toBe('u(b^(n,v))');
    expect(lezerResult('-2 ^ a')).toBe('b^(n,v)');
  });

  it('goes on where that grammar stops short', () => {
    // It knows neither all forms of numbers nor strings' escapes, and takes fewer words for names.
    for (const query of ['0X1F + 1E3', 'limitk', 'a{b="c\\u00e4"}', 'start']) {
      expect(ownResult(query), query).not.toBeNull();
    }
    // And it takes what Prometheus refuses for its type or its meaning.
    for (const query of [
      'rate(a)',
      '1 == 1',
      'a offset 1m offset 2m',
      'a[0s]',
      '{}',
      'a{b=~"("}',
      'sum(1)',
      'a[5m][5m]',
    ]) {
      expect(lezerResult(query), query).not.toBeNull();
      expect(ownResult(query), query).toBeNull();
    }
  });
});
