/**
 * Labels of series out of their keys in shared memory: what a thread without an index makes of refs. The same as the
 * index would give, see prometheus-series.ts.
 */
import { KeyParts, parseCanonicalKey } from '../../index/series-key.ts';
import { type IndexHandle, viewSeriesKey } from '../../index/worker-view.ts';
import { compareText, Labels, labelsFromPairs, METRIC_NAME } from '../promql/labels.ts';

/** Tag keys that series share. */
interface Schema {
  readonly keys: readonly Uint8Array[];
  readonly names: readonly string[];
  /** The label names, see namesOf. */
  readonly sorted: readonly string[] | null;
}

interface Tags {
  readonly schema: Schema;
  readonly values: readonly string[];
}

/** Of a series without tags. */
const NO_SCHEMA: Schema = { keys: [], names: [], sorted: [METRIC_NAME] };

/** Series of a query whose fields differ share their tags. */
const KEPT_TAGS = 65_536;

/**
 * Gives the labels of a series from its ref and metric name.
 * @param askedAgain whether a ref comes with several names.
 */
export function keyLabels(handle: IndexHandle, askedAgain: boolean): (ref: number, name: string) => Labels {
  const parts = new KeyParts();
  const kept = new Map<number, Tags>();
  let last: { ref: number; tags: Tags } = { ref: -1, tags: { schema: NO_SCHEMA, values: [] } };
  let schema = NO_SCHEMA;
  let slab: Buffer = Buffer.alloc(0);
  let scratch: Buffer = Buffer.alloc(0);

  const tagsOf = (ref: number): Tags => {
    if (last.ref === ref) return last.tags;
    let tags = askedAgain ? kept.get(ref) : undefined;
    if (tags === undefined) {
      tags = read(ref);
      if (askedAgain && kept.size < KEPT_TAGS) kept.set(ref, tags);
    }
    last = { ref, tags };
    return tags;
  };

  const read = (ref: number): Tags => {
    const bytes = viewSeriesKey(handle, ref);
    if (!parseCanonicalKey(bytes, 0, bytes.length, parts)) throw new Error(`BUG: the key of series ${ref} is none`);
    // A view on all of a slab, as making one for each text would cost more than the text.
    if (slab.buffer !== bytes.buffer) slab = Buffer.from(bytes.buffer);
    if (scratch.buffer !== parts.scratch.buffer) scratch = Buffer.from(parts.scratch.buffer);
    const text = (part: number): string => {
      const start = parts.start[part];
      const end = parts.end[part];
      if (parts.source[part] !== bytes) return scratch.toString('utf8', start, end);
      return slab.toString('utf8', bytes.byteOffset + start, bytes.byteOffset + end);
    };
    if (!hasKeys(parts, schema)) {
      const keys: Uint8Array[] = [];
      const names: string[] = [];
      for (let part = 1; part < parts.count; part += 2) {
        keys.push(parts.slice(part));
        names.push(text(part));
      }
      schema = { keys, names, sorted: namesOf(names) };
    }
    const values = new Array<string>(schema.keys.length);
    for (let i = 0; i < values.length; i++) values[i] = text(2 * i + 2);
    return { schema, values };
  };

  return (ref, name) => {
    const {
      schema: { names, sorted },
      values,
    } = tagsOf(ref);
    if (sorted === null) {
      return labelsFromPairs([...names.map((key, i): [string, string] => [key, values[i]]), [METRIC_NAME, name]]);
    }
    const at = sorted.indexOf(METRIC_NAME);
    const all = values.slice();
    all.splice(at, 0, name);
    return new Labels(sorted, all);
  };
}

/** Whether the tag keys are those of the series before, which they mostly are. */
function hasKeys({ count, source, start, end }: KeyParts, { keys }: Schema): boolean {
  if (count !== 2 * keys.length + 1) return false;
  for (let i = 0; i < keys.length; i++) {
    const part = 2 * i + 1;
    const key = keys[i];
    if (end[part] - start[part] !== key.length) return false;
    const bytes = source[part];
    for (let k = 0, at = start[part]; k < key.length; k++, at++) if (bytes[at] !== key[k]) return false;
  }
  return true;
}

/** Sorted names with the metric's among them; null where tags are not in their order, or one is called as it is. */
function namesOf(keys: readonly string[]): readonly string[] | null {
  const names = [...keys, METRIC_NAME].sort(compareText);
  const rest = names.filter((name) => name !== METRIC_NAME);
  return rest.length === keys.length && rest.every((name, i) => name === keys[i]) ? names : null;
}
