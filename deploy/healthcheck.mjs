/**
 * Exits with 0 while the server of this container answers /health, else with 1. It asks where VARVE_LISTEN says, by HTTPS when
 * VARVE_TLS_CERTIFICATE is set; whose certificate it is does not matter here, as it asks itself.
 */
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';

const TIMEOUT_MS = 4000;

const [, host = '', port = '8086'] = /^(.*):(\d+)$/.exec(process.env.VARVE_LISTEN ?? '') ?? [];
const isEverywhere = host === '' || host === '0.0.0.0' || host === '[::]';
const get = process.env.VARVE_TLS_CERTIFICATE ? getHttps : getHttp;
const url = `${get === getHttps ? 'https' : 'http'}://${isEverywhere ? '127.0.0.1' : host}:${port}/health`;

get(url, { rejectUnauthorized: false, timeout: TIMEOUT_MS }, ({ statusCode }) =>
  process.exit(statusCode === 200 ? 0 : 1),
)
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1));
