/** The `epoch` parameter: how times of rows are written. */

export interface Epoch {
  /** Seconds of a unit, for units of a second and more; else 0. */
  readonly unitSec: number;
  /** Decimals of a second that are kept, for smaller units. */
  readonly digits: number;
}

export const NANOSECONDS: Epoch = { unitSec: 0, digits: 9 };

const UNITS = new Map<string, Epoch>([
  ['u', { unitSec: 0, digits: 6 }],
  ['µ', { unitSec: 0, digits: 6 }],
  ['us', { unitSec: 0, digits: 6 }],
  ['ms', { unitSec: 0, digits: 3 }],
  ['s', { unitSec: 1, digits: 0 }],
  ['m', { unitSec: 60, digits: 0 }],
  ['h', { unitSec: 3600, digits: 0 }],
]);

/** None is RFC 3339, null here; what is not known is nanoseconds, as InfluxDB has it. */
export function parseEpoch(text: string | null): Epoch | null {
  const unit = (text ?? '').trim();
  return unit === '' ? null : (UNITS.get(unit) ?? NANOSECONDS);
}
