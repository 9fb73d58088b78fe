/** The order in which the evaluation gets series: that of their labels, unless nobody could tell. */
import type { PrometheusSeries } from './prometheus-series.ts';
import { compareLabels } from './promql/labels.ts';

/**
 * Beyond this many series, a selector right under one of these aggregations has them in the order of refs: what comes out
 * is the same, sums to their last bits, and sorting would cost more than everything else.
 */
const ORDER_SERIES = 50_000;
const IN_ANY_ORDER: ReadonlySet<string | null> = new Set(['count', 'group', 'min', 'max', 'sum', 'avg', 'quantile']);

/** @param func what is right around the selector */
export function mayBeInAnyOrder(count: number, func: string | null): boolean {
  return count >= ORDER_SERIES && IN_ANY_ORDER.has(func);
}

/** Brings series into the order of their labels. */
export function sortSeries(series: PrometheusSeries[]): void {
  series.sort((a, b) => compareLabels(a.labels, b.labels));
}
