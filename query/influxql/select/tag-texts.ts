/** Texts of a tag's values by their ids: the tag is looked up once, not for every value. */
import type { SeriesIndex } from '../../../index/series-index.ts';

const encoder = new TextEncoder();

/** What tells the text of a value id of a tag; ids below 0 are the empty text. */
export function tagTexts(index: SeriesIndex, key: string): (id: number) => string {
  const bytes = encoder.encode(key);
  const { tagKeys, tagValues } = index.series;
  const place = tagKeys.find(bytes, 0, bytes.length);
  const dictionary = place < 0 ? null : tagValues[place];
  return (id) => (id < 0 || dictionary === null ? '' : dictionary.string(id));
}
