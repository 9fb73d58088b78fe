/**
 * The order of names in answers: by the bytes of their UTF-8, as the index and InfluxDB sort. JavaScript compares UTF-16
 * units, which differs where characters beyond the basic plane meet those from U+E000 on.
 */

/** Negative, zero or positive, as `sort` wants it. */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for characters above all others. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** Sorted and without repeats, from lists that are sorted. */
export function mergeSorted(lists: readonly (readonly string[])[]): readonly string[] {
  const filled = lists.filter((list) => list.length > 0);
  if (filled.length <= 1) return filled[0] ?? [];
  return [...new Set(filled.flat())].sort(compareBytes);
}
