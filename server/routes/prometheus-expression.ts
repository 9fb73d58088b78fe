/** Expressions as text and as trees: what editors ask for. */
import type { Expr } from '../../query/promql/parser/ast.ts';
import { treeToJson } from '../../query/promql/parser/ast-json.ts';
import { parseExpression } from '../../query/promql/parser/parser.ts';
import { prettyExpression } from '../../query/promql/parser/printer.ts';
import { withParameter } from '../parameters.ts';
import { success } from '../prometheus-response.ts';
import type { Route, RouteContext } from '../route.ts';

function expression({ parameters }: RouteContext): Expr {
  return withParameter('query', () => parseExpression(parameters.get('query') ?? ''));
}

export const prometheusExpressionRoutes: readonly Route[] = [
  {
    methods: ['GET', 'POST'],
    path: '/api/v1/format_query',
    access: 'known',
    purpose: 'an expression laid out for reading (query)',
    handle: (context) => success(prettyExpression(expression(context))),
  },
  {
    methods: ['GET', 'POST'],
    path: '/api/v1/parse_query',
    access: 'known',
    purpose: 'the syntax tree of an expression as JSON (query)',
    handle: (context) => success(treeToJson(expression(context))),
  },
];
