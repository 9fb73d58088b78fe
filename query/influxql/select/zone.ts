/**
 * Offsets of a time zone from UTC. Intl knows them but is slow to ask, so what it says is kept as spans of time: an instant
 * inside a known span costs a comparison.
 */

const SECONDS_PER_DAY = 86_400;

/** Seconds by which clocks of the zone are ahead of UTC at an instant. */
export interface Zone {
  readonly name: string;
  offsetSec(sec: number): number;
}

interface Span {
  fromSec: number;
  /** Exclusive. */
  toSec: number;
  offset: number;
}

const zones = new Map<string, Zone>();

/** Throws a RangeError for a name that is none. */
export function zoneOf(name: string): Zone {
  let zone = zones.get(name);
  if (zone === undefined) {
    zone = makeZone(name);
    zones.set(name, zone);
  }
  return zone;
}

function makeZone(name: string): Zone {
  if (name === 'UTC') return { name, offsetSec: () => 0 };
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: name,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
    era: 'short',
  });
  const ask = (sec: number): number => {
    // Beyond what a Date can say there is no rule that could differ.
    const bounded = Math.max(-8.64e12, Math.min(8.64e12, sec));
    const parts = new Map(format.formatToParts(bounded * 1000).map(({ type, value }) => [type, value]));
    const year = Number(parts.get('year'));
    const local = new Date(0);
    local.setUTCFullYear(
      parts.get('era') === 'BC' ? 1 - year : year,
      Number(parts.get('month')) - 1,
      Number(parts.get('day')),
    );
    local.setUTCHours(Number(parts.get('hour')), Number(parts.get('minute')), Number(parts.get('second')));
    return Math.round(local.getTime() / 1000 - bounded);
  };
  let span: Span = { fromSec: 0, toSec: 0, offset: 0 };
  const spans = new Map<number, Span[]>();
  return {
    name,
    offsetSec(sec) {
      if (sec >= span.fromSec && sec < span.toSec) return span.offset;
      const day = Math.floor(sec / SECONDS_PER_DAY);
      let known = spans.get(day);
      if (known === undefined) {
        known = spansOfDay(ask, day * SECONDS_PER_DAY);
        spans.set(day, known);
      }
      span = known.find(({ toSec }) => sec < toSec) ?? known[known.length - 1];
      return span.offset;
    },
  };
}

/** The spans of one day of UTC: one, or two around a change of clocks. */
function spansOfDay(ask: (sec: number) => number, startSec: number): Span[] {
  const endSec = startSec + SECONDS_PER_DAY;
  const before = ask(startSec);
  const after = ask(endSec - 1);
  if (before === after) return [{ fromSec: startSec, toSec: endSec, offset: before }];
  let low = startSec;
  let high = endSec - 1;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (ask(middle) === before) low = middle;
    else high = middle;
  }
  return [
    { fromSec: startSec, toSec: high, offset: before },
    { fromSec: high, toSec: endSec, offset: after },
  ];
}
