/** Durations between nanoseconds, the engine's milliseconds and the text that Go, and so InfluxDB and Prometheus, shows. */

const NS_PER_MS = 1_000_000n;
const NS_PER_SEC = 1_000_000_000n;

/** ms, with a fraction where there is one. */
export function msOfNs(ns: bigint): number {
  return Number(ns / NS_PER_MS) + Number(ns % NS_PER_MS) / 1e6;
}

export function nsOfMs(ms: number): bigint {
  const whole = Math.trunc(ms);
  return BigInt(whole) * NS_PER_MS + BigInt(Math.round((ms - whole) * 1e6));
}

/** As Go writes durations that are not negative: `168h0m0s`, `1m30s`, `1.5ms`, `0s`. */
export function goDuration(ns: bigint): string {
  if (ns === 0n) return '0s';
  if (ns < 1000n) return `${ns}ns`;
  if (ns < NS_PER_MS) return `${decimal(ns, 1000n)}µs`;
  if (ns < NS_PER_SEC) return `${decimal(ns, NS_PER_MS)}ms`;
  const minutes = ns / (60n * NS_PER_SEC);
  const seconds = `${decimal(ns % (60n * NS_PER_SEC), NS_PER_SEC)}s`;
  if (minutes === 0n) return seconds;
  if (minutes < 60n) return `${minutes}m${seconds}`;
  return `${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

/** A quotient with as many digits as it has. */
function decimal(value: bigint, unit: bigint): string {
  const rest = value % unit;
  const digits = String(rest)
    .padStart(String(unit).length - 1, '0')
    .replace(/0+$/, '');
  return digits === '' ? String(value / unit) : `${value / unit}.${digits}`;
}
