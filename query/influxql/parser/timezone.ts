/**
 * Names of time zones as InfluxDB takes them: those of the IANA database in their own case, `UTC`, and '' for it.
 */
import { parseError } from './parse-error.ts';

/** The name, known to be one. Throws `bad_request` for any other. */
export function parseTimezone(name: string): string {
  if (name === '' || name === 'UTC') return 'UTC';
  if (name === 'Local') return new Intl.DateTimeFormat('en').resolvedOptions().timeZone;
  let known: string;
  try {
    known = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    throw unknown(name);
  }
  // Offsets are zones for the runtime only, and names in another case would not be found among files.
  const otherCase = known !== name && known.toLowerCase() === name.toLowerCase();
  if (/^[+-]/.test(name) || otherCase) throw unknown(name);
  return name;
}

function unknown(name: string): Error {
  return parseError(`unable to find time zone ${name}`);
}
