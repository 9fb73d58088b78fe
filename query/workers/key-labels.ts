/**
 * Labels of series out of their keys in shared memory: what a thread without an index makes of refs. The same as the
 * index would give, see prometheus-series.ts.
 */
import { KeyParts, parseCanonicalKey } from '../../index/series-key.ts';
import { type IndexHandle, viewSeriesKey } from '../../index/worker-view.ts';
import { compareText, Labels, labelsFromPairs, METRIC_NAME } from '../promql/labels.ts';

interface Tags {
  readonly keys: readonly string[];
  readonly values: readonly string[];
}

/** Series of a query whose fields differ share their tags. */
const KEPT_TAGS = 65_536;

/** Gives the labels of a series from its ref and metric name. */
export function keyLabels(handle: IndexHandle): (ref: number, name: string) => Labels {
  const parts = new KeyParts();
  const kept = new Map<number, Tags>();
  const layouts = new Map<string, readonly string[] | null>();
  let last: { ref: number; tags: Tags } = { ref: -1, tags: { keys: [], values: [] } };

  const tagsOf = (ref: number): Tags => {
    if (last.ref === ref) return last.tags;
    let tags = kept.get(ref);
    if (tags === undefined) {
      tags = read(ref);
      if (kept.size < KEPT_TAGS) kept.set(ref, tags);
    }
    last = { ref, tags };
    return tags;
  };

  const read = (ref: number): Tags => {
    const bytes = viewSeriesKey(handle, ref);
    if (!parseCanonicalKey(bytes, 0, bytes.length, parts)) throw new Error(`BUG: the key of series ${ref} is none`);
    const keys: string[] = [];
    const values: string[] = [];
    for (let part = 1; part < parts.count; part += 2) {
      keys.push(text(parts, part));
      values.push(text(parts, part + 1));
    }
    return { keys, values };
  };

  return (ref, name) => {
    const { keys, values } = tagsOf(ref);
    const layoutKey = keys.join('\u0000');
    let names = layouts.get(layoutKey);
    if (names === undefined) {
      names = namesOf(keys);
      layouts.set(layoutKey, names);
    }
    if (names === null) {
      return labelsFromPairs([...keys.map((key, i): [string, string] => [key, values[i]]), [METRIC_NAME, name]]);
    }
    const at = names.indexOf(METRIC_NAME);
    return new Labels(names, [...values.slice(0, at), name, ...values.slice(at)]);
  };
}

function text({ source, start, end }: KeyParts, part: number): string {
  const bytes = source[part];
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8', start[part], end[part]);
}

/** Sorted names with the metric's among them; null where tags are not in their order, or one is called as it is. */
function namesOf(keys: readonly string[]): readonly string[] | null {
  const names = [...keys, METRIC_NAME].sort(compareText);
  const rest = names.filter((name) => name !== METRIC_NAME);
  return rest.length === keys.length && rest.every((name, i) => name === keys[i]) ? names : null;
}
