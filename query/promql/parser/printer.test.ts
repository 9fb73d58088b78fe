/** Printing: what comes out parses to the same again, and long expressions are split. */
import { describe, expect, it } from 'vitest';

import { ExpressionGenerator, seededRandom } from '../expression-generator.ts';
import { treeToJson } from './ast-json.ts';
import { parseExpression } from './parser.ts';
import { prettyExpression, printExpression } from './printer.ts';

function check(query: string, printed: string): void {
  it(query, () => expect(printExpression(parseExpression(query))).toBe(printed));
}

describe('printing', () => {
  check('SUM ( a ) BY ( b,c )', 'sum by (b, c) (a)');
  check('sum without() (a)', 'sum without () (a)');
  check('a{b="c" , a!="d"}', 'a{a!="d",b="c"}');
  check("{'a b'=~`c\\d`}", '{"a b"=~"c\\\\d"}');
  check('{"a.b"}', '{__name__="a.b"}');
  check('a[300s] offset -90m @ 1.5', 'a[5m] @ 1.500 offset -1h30m');
  check('a[1h:] @ start()', 'a[1h:] @ start()');
  check('a+on()group_left(b)c', 'a + on () group_left (b) c');
  check('a>bool b', 'a > bool b');
  check('a + fill_right(1) fill_left(0) b', 'a + fill_left (0) fill_right (1) b');
  check('-a ^ 2', '-a ^ 2');
  check('1e3 + 0x10 + 1_0 + 1e-7 + 1e30', '1000 + 16 + 10 + 0.0000001 + 1000000000000000000000000000000');
  check('vector(5m)', 'vector(5m)');
  check('a[5m+(2*step())]', 'a[5m + (2 * step())]');
  check('a offset -(1m)', 'a offset -(1m)');
  check('rate(a[1m] smoothed)', 'rate(a[1m] smoothed)');

  it('prints what parses to the same', () => {
    const seed = Number(process.env.VARVE_SEED ?? Math.floor(Math.random() * 2 ** 31));
    const generator = new ExpressionGenerator(seededRandom(seed), {
      legacy: false,
      metrics: ['up', 'a:b'],
      counters: ['c_total'],
      distinct: ['d'],
      finite: ['f'],
      labels: { job: ['a', 'b'], instance: ['y'] },
      unitSeconds: 10,
      timestamps: [100, 1e9],
    });
    for (let i = 0; i < 500; i++) {
      // Infinity is printed as +Inf, like Prometheus does it, and before a power the sign is an operator of its own.
      const query = generator.expression(4).replaceAll('Inf ^', '2 ^');
      const tree = parseExpression(query);
      for (const text of [printExpression(tree), prettyExpression(tree)]) {
        expect(treeToJson(parseExpression(text)), `seed ${seed}: ${query}`).toEqual(treeToJson(tree));
      }
    }
  });
});

describe('splitting', () => {
  it('breaks what is longer than a line, and only that', () => {
    const selector = (name: string) => `${name}{environment="production",datacenter="somewhere-far-away"}`;
    const query = `sum by (job) (rate(${selector('first_metric_total')}[5m])) / on (job) topk(3, ${selector('second_metric_total')})`;
    expect(prettyExpression(parseExpression(query))).toBe(
      [
        '  sum by (job) (',
        '    rate(first_metric_total{datacenter="somewhere-far-away",environment="production"}[5m])',
        '  )',
        '/ on (job)',
        '  topk(3, second_metric_total{datacenter="somewhere-far-away",environment="production"})',
      ].join('\n'),
    );
    expect(prettyExpression(parseExpression('a + b'))).toBe('a + b');
  });
});
