/** Series in groups by the values of tags, as GROUP BY has them: a missing tag is the empty string. */
import type { Database } from '../../../engine/database.ts';

/** Series of one database. */
export interface SeriesPart {
  readonly database: Database;
  readonly refs: Int32Array;
}

export interface TagGroup {
  /** Sorted by key; null when there is no grouping. */
  readonly tags: readonly (readonly [key: string, value: string])[] | null;
  /** Tells groups apart. */
  readonly key: string;
  /** Sorts groups as their values sort. */
  readonly order: string;
  readonly parts: readonly SeriesPart[];
}

/** Groups that have series, in the order of their tags' values. */
export function groupsByTags(parts: readonly SeriesPart[], tags: readonly string[]): TagGroup[] {
  const filled = parts.filter(({ refs }) => refs.length > 0);
  if (filled.length === 0) return [];
  if (tags.length === 0) return [{ tags: null, key: '', order: '', parts: filled }];
  const groups = new Map<string, { values: string[]; parts: Map<Database, number[]> }>();
  for (const { database, refs } of filled) {
    const { index } = database;
    const ids = tags.map((tag) => index.tagValueIds(tag, refs));
    const known = new Map<string, number[]>();
    for (let i = 0; i < refs.length; i++) {
      const combination = ids.map((list) => list[i]).join();
      let members = known.get(combination);
      if (members === undefined) {
        const values = ids.map((list, k) => (list[i] < 0 ? '' : index.tagValueText(tags[k], list[i])));
        const key = JSON.stringify(values);
        let group = groups.get(key);
        if (group === undefined) {
          group = { values, parts: new Map() };
          groups.set(key, group);
        }
        members = [];
        group.parts.set(database, members);
        known.set(combination, members);
      }
      members.push(refs[i]);
    }
  }
  return [...groups]
    .map(([key, group]) => ({
      key,
      order: sortText(group.values),
      tags: tags.map((tag, i) => [tag, group.values[i]] as const),
      parts: [...group.parts].map(([database, members]) => ({ database, refs: Int32Array.from(members) })),
    }))
    .sort((a, b) => (a.order < b.order ? -1 : 1));
}

/** The bytes of values one after the other as characters, a NUL behind each, so that comparing strings compares bytes. */
function sortText(values: readonly string[]): string {
  return values.map((value) => Buffer.from(value).toString('latin1')).join('\0');
}
