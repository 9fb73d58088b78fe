/**
 * Series that selectors of queries found, remembered while nothing changes which series there are: a dashboard asks the
 * same queries all day, and finding their series and making labels takes as long as all else that a small one needs.
 */
import type { Database } from '../engine/database.ts';
import type { FoundSeries } from './found-series.ts';
import { findMatching } from './prometheus-series.ts';
import type { LabelMatcher } from './promql/matcher.ts';

/** Of a database, all selectors together; about 4 MB with all labels. */
const KEPT_SERIES = 4096;
const KEPT_SELECTORS = 256;
/** Of one selector; beyond, reading the series takes much longer than finding them. */
const MOST_SERIES = 1024;

/** What was found in a database while its index was as it is. */
interface Findings {
  readonly changes: number;
  /** By the matchers of a parsed tree, which the parser makes once for a text (see parseQuery). Oldest first. */
  readonly found: Map<readonly LabelMatcher[], FoundSeries>;
  series: number;
}

const findingsOf = new WeakMap<Database, Findings>();

/** As findMatching. What is remembered is in the order of labels, so that no later use of it changes the order. */
export function findAgain(database: Database, matchers: readonly LabelMatcher[]): FoundSeries {
  const { changes } = database.index;
  let findings = findingsOf.get(database);
  if (findings?.changes !== changes) {
    findings = { changes, found: new Map(), series: 0 };
    findingsOf.set(database, findings);
  }
  const known = findings.found.get(matchers);
  if (known !== undefined) return known;
  const found = findMatching(database, matchers);
  if (found.count > MOST_SERIES) return found;
  void found.sorted;
  findings.found.set(matchers, found);
  findings.series += found.count;
  for (const [oldest, { count }] of findings.found) {
    if (findings.series <= KEPT_SERIES && findings.found.size <= KEPT_SELECTORS) break;
    findings.found.delete(oldest);
    findings.series -= count;
  }
  return found;
}
