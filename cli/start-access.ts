/** What `varve serve` does about who may use it: before it listens, and for the first administrator. */
import { readFileSync } from 'node:fs';
import { isIP, isIPv6 } from 'node:net';
import { AccessStore } from '../access/access-store.ts';
import type { ListenAddress } from '../config/kinds.ts';
import type { Settings } from '../config/settings.ts';
import { nodeFileSystem } from '../disk/node-file-system.ts';
import type { Engine } from '../engine/engine.ts';

const ADMIN_PASSWORD_VARIABLE = 'VARVE_ADMIN_PASSWORD';

/** What keeps the server from being started with these settings; null when nothing does. */
export function accessProblem(settings: Settings, dataDir: string, environment: NodeJS.ProcessEnv): string | null {
  if (settings['admin-user'] !== undefined) {
    const password = adminPassword(settings, environment);
    if (password instanceof Error) return password.message;
  }
  const { 'tls-certificate': certificate, 'tls-key': key } = settings;
  if ((certificate === undefined) !== (key === undefined)) return 'give both of tls-certificate and tls-key';
  const isOpen = settings['allow-anonymous-remote-access'] || isLoopback(settings.listen);
  if (isOpen || asksWho(settings, dataDir)) return null;
  const { host = '', port } = settings.listen;
  const where = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  return `refused to listen on ${where}: without authentication, whoever reaches this address may read, change and delete everything.
Do one of these:
  make an administrator    varve user create admin --admin --data ${settings.data}
                           or set VARVE_ADMIN_USER and ${ADMIN_PASSWORD_VARIABLE} for the first start
  stay on this machine     --listen 127.0.0.1:${settings.listen.port}
  let everybody in         --allow-anonymous-remote-access`;
}

/** Makes the administrator that the settings name, unless there is one already. */
export async function makeFirstAdmin(settings: Settings, { access }: Engine, environment: NodeJS.ProcessEnv) {
  const name = settings['admin-user'];
  if (name === undefined) return;
  const password = adminPassword(settings, environment);
  // Nothing that the process starts or reports needs to know it.
  delete environment[ADMIN_PASSWORD_VARIABLE];
  if (password instanceof Error || access.users().some(({ admin }) => admin)) return;
  await access.createUser(name, password, true);
}

function adminPassword(settings: Settings, environment: NodeJS.ProcessEnv): string | Error {
  const path = settings['admin-password-file'];
  let password = environment[ADMIN_PASSWORD_VARIABLE] ?? '';
  if (path !== undefined) {
    try {
      password = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    } catch (error) {
      return new Error(`cannot read admin-password-file: ${(error as Error).message}`);
    }
  }
  if (password !== '') return password;
  return new Error(`admin-user needs a password: set ${ADMIN_PASSWORD_VARIABLE} or admin-password-file`);
}

/** Whether the server will ask who sends a request. */
function asksWho(settings: Settings, dataDir: string): boolean {
  const mode = settings['auth-enabled'];
  if (mode !== 'auto') return mode === 'true';
  if (settings['admin-user'] !== undefined) return true;
  try {
    return new AccessStore(nodeFileSystem, dataDir).isUsed;
  } catch {
    // Not readable, or damaged: opening the data says what is wrong with it.
    return true;
  }
}

export function isLoopback({ host }: ListenAddress): boolean {
  if (host === undefined) return false;
  if (isIP(host) === 0) return host.toLowerCase() === 'localhost';
  return /^127\./.test(host) || /^(?:0{0,4}:){2,7}0{0,3}1$/.test(host) || /^::ffff:127\./i.test(host);
}
