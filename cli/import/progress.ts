/** How far the work is, on stderr: a bar that is drawn over on a terminal, a line now and then elsewhere. */

const BAR_WIDTH = 24;
const TERMINAL_INTERVAL_MS = 100;
const LOG_INTERVAL_MS = 10_000;

export interface Progress {
  /** @param fraction of the work that is done, 0 … 1. */
  show(fraction: number, bytes: number, what: string): void;
  /** Writes a line that stays. */
  say(line: string): void;
  /** Takes the bar away. */
  end(): void;
}

export function newProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  const isTerminal = stream.isTTY === true;
  const startedMs = performance.now();
  let shownMs = isTerminal ? -Infinity : startedMs;
  let firstFraction = -1;
  const clear = isTerminal ? '\r\x1b[K' : '';
  return {
    show(fraction, bytes, what) {
      const nowMs = performance.now();
      if (firstFraction < 0) firstFraction = fraction;
      if (nowMs - shownMs < (isTerminal ? TERMINAL_INTERVAL_MS : LOG_INTERVAL_MS)) return;
      shownMs = nowMs;
      const seconds = (nowMs - startedMs) / 1000;
      const rate = `${megabytes(bytes)} MB, ${megabytes(bytes / seconds)} MB/s`;
      const gained = fraction - firstFraction;
      const left = gained > 0.001 ? `, ${durationText((seconds * (1 - fraction)) / gained)} left` : '';
      const percent = `${Math.floor(fraction * 100)}`.padStart(3);
      const full = Math.round(fraction * BAR_WIDTH);
      const bar = isTerminal ? `[${'#'.repeat(full)}${'.'.repeat(BAR_WIDTH - full)}] ` : '';
      const line = `${bar}${percent} %  ${rate}${left}  ${what}`;
      stream.write(isTerminal ? `${clear}${line.slice(0, (stream.columns ?? 80) - 1)}` : `${line}\n`);
    },
    say: (line) => void stream.write(`${clear}${line}\n`),
    end: () => void stream.write(clear),
  };
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function durationText(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}
