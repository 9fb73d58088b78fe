/** The `match[]` parameter: selectors of series, any of which may match. */
import { VarveError } from '../errors/errors.ts';
import { compileMatcher, type LabelMatcher } from '../query/promql/matcher.ts';
import { parseMetricSelector } from '../query/promql/parser/parser.ts';

export type MatcherSet = readonly LabelMatcher[];

/**
 * All selectors that have a matcher: `{}` selects nothing in Prometheus' storage, and what deletes relies on that.
 * Throws `bad_request` for one that does not parse.
 */
export function selectors(parameters: URLSearchParams): MatcherSet[] {
  return parsed(parameters).filter((matchers) => matchers.length > 0);
}

function parsed(parameters: URLSearchParams): MatcherSet[] {
  return parameters.getAll('match[]').map((text) => parseMetricSelector(text).matchers);
}

/** All selectors, each of which must leave something out: what listings ask for. */
export function narrowSelectors(parameters: URLSearchParams): MatcherSet[] {
  const sets = parsed(parameters);
  if (sets.some((matchers) => matchers.every((matcher) => compileMatcher(matcher)('')))) {
    throw new VarveError('bad_request', 'match[] must contain at least one non-empty matcher');
  }
  return sets;
}
