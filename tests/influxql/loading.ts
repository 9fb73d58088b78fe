/** Brings the data set into a server over HTTP, as a client would. */
import { dataSet, SETUP, type WrittenPart } from './data-set.ts';

/** Arguments of the server: influxd, too, asks nobody who comes, also after statements that make users. */
export const NO_AUTHENTICATION = ['--auth-enabled', 'false'];

/** Databases and policies. */
async function createDatabases(url: string): Promise<void> {
  for (const statement of SETUP) {
    const response = await fetch(`${url}/query`, { method: 'POST', body: new URLSearchParams({ q: statement }) });
    const body = await response.text();
    if (!response.ok || body.includes('"error"')) throw new Error(`${statement}: ${response.status} ${body}`);
  }
}

async function writePart(url: string, { database, retentionPolicy, lines }: WrittenPart): Promise<void> {
  const parameters = new URLSearchParams({ db: database });
  if (retentionPolicy !== '') parameters.set('rp', retentionPolicy);
  const response = await fetch(`${url}/write?${parameters}`, { method: 'POST', body: lines.join('\n') });
  const body = await response.text();
  if (response.status !== 204) throw new Error(`writing to ${database}: ${response.status} ${body}`);
}

/** Everything; `between` runs after each part but the last, and may restart the server: it returns where it now is. */
export async function loadDataSet(url: string, between: () => Promise<string> = async () => url): Promise<void> {
  await createDatabases(url);
  let at = url;
  const parts = dataSet();
  for (const [i, part] of parts.entries()) {
    await writePart(at, part);
    if (i < parts.length - 1) at = await between();
  }
}
