/** The Accept header: what a client wants of an answer's type, best first. */

/** Ranges of types, such as `text/csv` or all of `text`, in lower case, by falling quality; those of quality 0 are left out. */
export function acceptedRanges(accept: string | null): string[] {
  return (accept ?? '')
    .split(',')
    .map((part) => {
      const [range, ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
      const quality = parameters.find((parameter) => parameter.startsWith('q='));
      return { range, quality: quality === undefined ? 1 : Number(quality.slice(2)) || 0 };
    })
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality)
    .map(({ range }) => range);
}

/** Whether a range holds a type. */
export function inRange(range: string, type: string): boolean {
  if (range === '*/*' || range === type) return true;
  return range.endsWith('/*') && type.startsWith(range.slice(0, -1));
}
