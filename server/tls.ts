/**
 * The certificate and key of HTTPS, and their replacement while the server runs: connections that are open stay as they
 * are, new ones get the new pair. A pair that does not fit is not used; what is there is looked at again when it changes,
 * since a certificate and its key are never replaced in one step.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Server as HttpsServer } from 'node:https';
import type { ServerConfig } from './config.ts';

export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
}

/** What a pair of files holds, in PEM. */
export interface TlsPair {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** When the certificate ends. */
  readonly validTo: Date;
}

const LOOK_INTERVAL_MS = 1_000;

/** Reads the pair. Throws an error that says what is wrong with it. */
export function readTlsPair({ certificate, key }: TlsFiles): TlsPair {
  const cert = read(certificate, 'certificate');
  const keyPem = read(key, 'key');
  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(cert);
  } catch (error) {
    throw new Error(`cannot use certificate ${certificate}: ${(error as Error).message}`);
  }
  let fits: boolean;
  try {
    fits = parsed.checkPrivateKey(createPrivateKey(keyPem));
  } catch (error) {
    throw new Error(`cannot use key ${key}: ${(error as Error).message}`);
  }
  if (!fits) throw new Error(`cannot use key ${key}: it is not the one of certificate ${certificate}`);
  return { cert, key: keyPem, validTo: new Date(parsed.validTo) };
}

function read(path: string, what: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Error(`cannot read ${what} ${path}: ${(error as Error).message}`);
  }
}

export interface TlsReloader {
  /** Reads the files now. */
  reload(): void;
  stop(): void;
}

/** Replaces a server's pair when its files change. */
export function reloadTls(server: HttpsServer, files: TlsFiles, log: ServerConfig['log']): TlsReloader {
  let seen = fingerprint(files);
  const reload = () => {
    seen = fingerprint(files);
    try {
      const { cert, key, validTo } = readTlsPair(files);
      server.setSecureContext({ ...TLS_OPTIONS, cert, key });
      log.info({ validTo: validTo.toISOString() }, 'the TLS certificate was replaced');
      if (validTo.getTime() < Date.now()) log.warn('the TLS certificate has expired');
    } catch (error) {
      log.error(`${(error as Error).message}; the TLS certificate from before stays in use`);
    }
  };
  const timer = setInterval(() => {
    if (fingerprint(files) !== seen) reload();
  }, LOOK_INTERVAL_MS);
  timer.unref();
  return { reload, stop: () => clearInterval(timer) };
}

export const TLS_OPTIONS = { minVersion: 'TLSv1.2' } as const;

/** Changes when a file does, be it in place, by a rename, or behind a symbolic link. */
function fingerprint({ certificate, key }: TlsFiles): string {
  return [certificate, key]
    .map((path) => {
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat === undefined ? '' : `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
    })
    .join('\n');
}
