/**
 * Label sets: immutable, sorted by name, without empty values. `key` is a text that equal sets and only they share, so
 * that sets can be keys of a Map.
 */
import { isPlainLabelName, METRIC_NAME } from './matcher.ts';
import { quote } from './parser/token.ts';

export { METRIC_NAME };
export const BUCKET_LABEL = 'le';

const TYPE_LABEL = '__type__';
const UNIT_LABEL = '__unit__';

/** Labels that describe the metric itself and go when an operation makes another metric of it. */
function isMetadataLabel(name: string): boolean {
  return name === METRIC_NAME || name === TYPE_LABEL || name === UNIT_LABEL;
}

const SEPARATOR = '\u0000';

/** Finds the labels of one that was made without them. */
export type LabelSource = (id: number) => { readonly names: readonly string[]; readonly values: readonly string[] };

export class Labels {
  private ownNames: readonly string[] | null;
  private ownValues: readonly string[] | null;
  private source: LabelSource | null = null;
  private id = 0;
  private cachedKey: string | null = null;
  private cachedWithoutMetadata: Labels | null = null;

  /** Takes ownership of the arrays; they must be sorted by name and hold no empty value. */
  constructor(names: readonly string[] | null, values: readonly string[] | null) {
    this.ownNames = names;
    this.ownValues = values;
  }

  /** Labels that are looked up when somebody asks for them: of a million series, most queries need none. */
  static later(source: LabelSource, id: number): Labels {
    const labels = new Labels(null, null);
    labels.source = source;
    labels.id = id;
    return labels;
  }

  /** Ascending, without duplicates. */
  get names(): readonly string[] {
    return this.ownNames ?? this.load().ownNames!;
  }

  /** Parallel to `names`. */
  get values(): readonly string[] {
    return this.ownValues ?? this.load().ownValues!;
  }

  private load(): this {
    const { names, values } = this.source!(this.id);
    this.ownNames = names;
    this.ownValues = values;
    this.source = null;
    return this;
  }

  get size(): number {
    return this.names.length;
  }

  get key(): string {
    if (this.cachedKey === null) {
      let key = '';
      for (let i = 0; i < this.names.length; i++) {
        key += this.names[i] + SEPARATOR + this.values[i] + SEPARATOR;
      }
      this.cachedKey = key;
    }
    return this.cachedKey;
  }

  /** The value of a label, '' when it is absent. */
  get(name: string): string {
    const names = this.names;
    for (let i = 0; i < names.length; i++) {
      if (names[i] === name) return this.values[i]!;
    }
    return '';
  }

  get metricName(): string {
    return this.get(METRIC_NAME);
  }

  /** The labels whose name passes. */
  filter(keep: (name: string) => boolean): Labels {
    const names: string[] = [];
    const values: string[] = [];
    for (let i = 0; i < this.names.length; i++) {
      if (!keep(this.names[i]!)) continue;
      names.push(this.names[i]!);
      values.push(this.values[i]!);
    }
    return names.length === this.names.length ? this : new Labels(names, values);
  }

  /** Without the metric's name, type and unit. */
  withoutMetadata(): Labels {
    this.cachedWithoutMetadata ??= this.filter((name) => !isMetadataLabel(name));
    return this.cachedWithoutMetadata;
  }

  /** With one label set; '' removes it. */
  with(name: string, value: string): Labels {
    const names: string[] = [];
    const values: string[] = [];
    let placed = value === '';
    for (let i = 0; i < this.names.length; i++) {
      const current = this.names[i]!;
      if (current === name) continue;
      if (!placed && compareText(name, current) < 0) {
        names.push(name);
        values.push(value);
        placed = true;
      }
      names.push(current);
      values.push(this.values[i]!);
    }
    if (!placed) {
      names.push(name);
      values.push(value);
    }
    return new Labels(names, values);
  }

  /** `{__name__="up", job="x"}`, as error messages show label sets. */
  toString(): string {
    const parts = this.names.map((name, i) => {
      const shown = isPlainLabelName(name) ? name : quote(name);
      return `${shown}=${quote(this.values[i]!)}`;
    });
    return `{${parts.join(', ')}}`;
  }
}

export const EMPTY_LABELS = new Labels([], []);

/** A label set from pairs in any order; empty values are left out, of equal names the last wins. */
export function labelsFromPairs(pairs: Iterable<readonly [string, string]>): Labels {
  const map = new Map(pairs);
  const names = [...map.keys()].filter((name) => map.get(name) !== '').sort(compareText);
  return new Labels(
    names,
    names.map((name) => map.get(name)!),
  );
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The order of results: by pairs of name and value, the shorter set first. */
export function compareLabels(a: Labels, b: Labels): number {
  const shared = Math.min(a.names.length, b.names.length);
  for (let i = 0; i < shared; i++) {
    if (a.names[i] !== b.names[i]) return compareText(a.names[i]!, b.names[i]!);
    if (a.values[i] !== b.values[i]) return compareText(a.values[i]!, b.values[i]!);
  }
  return a.names.length - b.names.length;
}
