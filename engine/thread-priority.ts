/**
 * Threads that work behind the scenes stand back when all processors are busy, so that requests are answered first.
 *
 * Linux schedules each thread by a priority of its own, though POSIX gives one to the whole process. Elsewhere nothing
 * is changed: to lower the process would slow those who wait.
 */
import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** Added to the niceness: a third of the share of who does not stand back, and all of what nobody else wants. */
const STEPS = 5;
const MAX_NICENESS = 19;

/** Lowers the priority of the thread that calls it, for good, where that is possible. */
export function standBack(): void {
  if (process.platform !== 'linux') return;
  try {
    const [, thread] = /\/task\/(\d+)$/.exec(readlinkSync('/proc/thread-self')) ?? [];
    if (thread === undefined) return;
    const id = Number(thread);
    setPriority(id, Math.min(MAX_NICENESS, getPriority(id) + STEPS));
  } catch {
    // Without /proc, or where a sandbox forbids it, threads are equal.
  }
}
