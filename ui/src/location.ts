/**
 * What is shown, held by the part of the URL behind `#`, so that a link says it all:
 *
 *     #/explore?db=default&q=up&range=1h&end=now&view=graph
 */

export const PAGES = ['start', 'explore', 'metrics', 'cardinality', 'storage', 'status'] as const;
export type PageName = (typeof PAGES)[number];

export interface Place {
  page: PageName;
  parameters: URLSearchParams;
}

/** The place of a URL's hash; null when it names none. */
export function placeOf(hash: string): Place | null {
  const match = /^#\/([a-z]+)(?:\?(.*))?$/.exec(hash);
  const page = PAGES.find((name) => name === match?.[1]);
  return page === undefined ? null : { page, parameters: new URLSearchParams(match?.[2] ?? '') };
}

export function hashOf(page: PageName, parameters: Record<string, string>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== '') query.set(name, value);
  const text = query.toString();
  return text === '' ? `#/${page}` : `#/${page}?${text}`;
}

const UNITS_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `90m`, `1h30m`, `2d` in ms; null when it is no duration. */
export function durationMs(text: string): number | null {
  if (!/^(\d+[smhdw])+$/.test(text)) return null;
  let ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhdw])/g)) ms += Number(count) * UNITS_MS[unit];
  return ms > 0 ? ms : null;
}

/** The shortest text that durationMs reads as `ms`, rounded to seconds. */
export function durationText(ms: number): string {
  let rest = Math.max(1000, Math.round(ms / 1000) * 1000);
  let text = '';
  for (const unit of ['d', 'h', 'm', 's']) {
    const count = Math.floor(rest / UNITS_MS[unit]);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * UNITS_MS[unit];
  }
  return text;
}
