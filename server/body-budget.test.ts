import { expect, test } from 'vitest';
import { type BodyBudget, type BodyShare, resizeShare } from './body-budget.ts';

test('shares grow and shrink within the budget, and a refusal changes nothing', () => {
  const budget: BodyBudget = { heldBytes: 0, limitBytes: 100 };
  const first: BodyShare = { bytes: 0 };
  const second: BodyShare = { bytes: 0 };
  resizeShare(budget, first, 60);
  resizeShare(budget, second, 40);
  expect(budget.heldBytes).toBe(100);
  expect(() => resizeShare(budget, second, 41)).toThrow('bodies in flight');
  expect(budget.heldBytes).toBe(100);
  expect(second.bytes).toBe(40);
  resizeShare(budget, first, 0);
  resizeShare(budget, second, 100);
  resizeShare(budget, second, 0);
  expect(budget.heldBytes).toBe(0);
});
