/** How many files this process may have open, so that what can be asked for in any number leaves room for the rest. */
import { readFileSync } from 'node:fs';

/** What is assumed where the system does not say: the smallest that is common. */
const UNKNOWN = 1024;

let known = 0;

/** Files and connections that the process may have open at once. */
export function openFileLimit(): number {
  if (known === 0) known = readLimit();
  return known;
}

function readLimit(): number {
  try {
    // Linux. Node.js has raised the soft limit to the hard one when it started.
    const line = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
    if (line === null) return UNKNOWN;
    return line[1] === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(line[1]);
  } catch {
    return UNKNOWN;
  }
}
