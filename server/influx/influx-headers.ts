/** Headers that every answer of InfluxDB's API has. */
import { randomUUID } from 'node:crypto';

/** Clients of InfluxDB 1.x read the version to learn which API they meet, so it names the API that is spoken. */
export const INFLUX_VERSION = '1.8.10';

const LONGEST_ERROR = 1024;

export function versionHeaders(version: string): Record<string, string> {
  return { 'x-influxdb-version': INFLUX_VERSION, 'x-influxdb-build': `Varve ${version}` };
}

/**
 * The request's own id when it has one, else a new one, under both names in use.
 * @param header a header of the request by its name in lower case.
 */
export function requestIdHeaders(header: (name: string) => string | null): Record<string, string> {
  const shown = header('x-request-id') || header('request-id') || randomUUID();
  return { 'request-id': shown, 'x-request-id': shown };
}

/** Text as a header may carry it: printable ASCII, of bounded length. */
export function errorHeader(text: string): string {
  return text.slice(0, LONGEST_ERROR).replace(/[^\x20-\x7e]/g, '?');
}
