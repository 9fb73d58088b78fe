/**
 * Durations as people write them: `90s`, `5m`, `1h30m`, `30d`, `1w`, `1y`, `500ms`; units from large to small, each at
 * most once, and a bare `0`. It is the grammar of Prometheus' configuration and API, used for flags and parameters.
 */
const UNITS_MS = { y: 31_536_000_000, w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;

const PATTERN = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

/** The duration in ms, or null when the text is not one. */
export function parseDurationMs(text: string): number | null {
  if (text === '0') return 0;
  const match = PATTERN.exec(text);
  if (match === null || text === '') return null;
  const scales = Object.values(UNITS_MS);
  let ms = 0;
  for (let i = 0; i < scales.length; i++) ms += Number(match[i + 1] ?? 0) * scales[i];
  return Number.isSafeInteger(ms) ? ms : null;
}

/** A duration in ms as `parseDurationMs` reads it, in days and smaller units: `90d`, `1h30m`; 0 is empty. */
export function durationText(ms: number): string {
  let text = '';
  let rest = ms;
  for (const unit of ['d', 'h', 'm', 's', 'ms'] as const) {
    const count = Math.floor(rest / UNITS_MS[unit]);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * UNITS_MS[unit];
  }
  return text;
}
