import { readFileSync } from 'node:fs';

/** The version of the package this file belongs to. */
export function readVersion(): string {
  for (const up of ['../package.json', '../../package.json']) {
    try {
      const parsed: unknown = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8'));
      if (typeof parsed === 'object' && parsed !== null && 'version' in parsed) return String(parsed.version);
    } catch {
      // One directory further up: compiled files lie one deeper than their sources.
    }
  }
  return 'unknown';
}
