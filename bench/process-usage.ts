import { readFileSync } from 'node:fs';

/** What the kernel says of a process and all its threads, from /proc. */
export interface ProcessUsage {
  /** User and system time, s. */
  cpuSec: number;
  /** Largest resident set so far, bytes. */
  peakRssBytes: number;
  /** Resident set now, bytes. */
  rssBytes: number;
  /** Bytes the process caused to be written to storage. */
  writtenBytes: number;
}

const CLOCK_TICKS_PER_SEC = 100;

/** @throws when the process is gone or the system has no /proc. */
export function processUsage(pid: number): ProcessUsage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN) * 1024;
  const io = readFileSync(`/proc/${pid}/io`, 'utf8');
  return {
    cpuSec: (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SEC,
    peakRssBytes: kib('VmHWM'),
    rssBytes: kib('VmRSS'),
    writtenBytes: Number(/^write_bytes: (\d+)/m.exec(io)?.[1] ?? Number.NaN),
  };
}
