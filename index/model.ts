/** A naive index, slow and plainly right, that tests hold the real one against. */
import type { TagMatcher } from './matchers.ts';

export interface ModelSeries {
  measurement: string;
  tags: Record<string, string>;
  fields: Set<string>;
}

/** Series by ref. */
export class ModelIndex {
  readonly series = new Map<number, ModelSeries>();

  /** The refs that match, ascending. */
  select(measurement: string | null, matchers: readonly TagMatcher[]): number[] {
    const refs: number[] = [];
    for (const [ref, one] of this.series) {
      if (measurement !== null && one.measurement !== measurement) continue;
      if (matchers.every((matcher) => matches(matcher, one.tags[matcher.key] ?? ''))) refs.push(ref);
    }
    return refs.sort((a, b) => a - b);
  }

  tagValues(key: string): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { tags } of this.series.values()) {
      if (tags[key] !== undefined) counts.set(tags[key], (counts.get(tags[key]) ?? 0) + 1);
    }
    return counts;
  }
}

function matches(matcher: TagMatcher, value: string): boolean {
  switch (matcher.op) {
    case '=':
      return value === matcher.value;
    case '!=':
      return value !== matcher.value;
    case '=~':
      return new RegExp(`^(?:${matcher.value})$`, 's').test(value);
    case '!~':
      return !new RegExp(`^(?:${matcher.value})$`, 's').test(value);
  }
}
