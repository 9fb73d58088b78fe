/** A running server as the commands see it: where it is, who asks, and its errors in its own words. */
import { type Command, Option } from 'commander';

const DEFAULT_URL = 'http://127.0.0.1:8086';

export interface ClientOptions {
  url: string;
  username?: string;
  password?: string;
  token?: string;
}

export interface Client {
  readonly url: string;
  /** Asks; an answer that is no success is thrown as a `ClientError`. `body` may be a stream. */
  request(path: string, init?: RequestInit & { duplex?: 'half' }): Promise<Response>;
  /** The `data` of an answer in the Prometheus API's envelope. */
  json<T>(path: string, init?: RequestInit): Promise<T>;
}

/** What is shown to the person at the terminal, without a stack. */
export class ClientError extends Error {
  /** Of the answer; 0 when there was none. */
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** Adds the options that say which server is meant and who asks. */
export function addClientOptions(command: Command): Command {
  return command
    .addOption(new Option('--url <url>', 'the server to talk to').default(DEFAULT_URL).env('VARVE_URL'))
    .addOption(new Option('--username <name>', 'user, with --password').env('VARVE_USERNAME'))
    .addOption(new Option('--password <password>', 'safer in the environment').env('VARVE_PASSWORD'))
    .addOption(new Option('--token <token>', 'instead of user and password').env('VARVE_TOKEN'));
}

export function connect(options: ClientOptions): Client {
  if (!URL.canParse(options.url)) {
    throw new ClientError(`cannot use --url '${options.url}': give a URL such as ${DEFAULT_URL}`, 0);
  }
  const address = new URL(options.url);
  const { username, password } = address;
  // What is shown, and what fetch takes, has no password in it.
  address.username = '';
  address.password = '';
  const url = address.href.replace(/\/+$/, '');
  const inUrl = { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  const authorization = authorizationOf(options) ?? authorizationOf(inUrl);
  const client: Client = {
    url,
    async request(path, init = {}) {
      const headers = new Headers(init.headers);
      if (authorization !== null) headers.set('authorization', authorization);
      let response: Response;
      try {
        response = await fetch(url + path, { ...init, headers });
      } catch (error) {
        const cause = ((error as Error).cause as Error | undefined)?.message ?? (error as Error).message;
        throw new ClientError(`cannot reach ${url}: ${cause}. Is the server running? Choose another with --url`, 0);
      }
      if (!response.ok) throw new ClientError(errorOf(await response.text(), response.status), response.status);
      return response;
    },
    async json(path, init) {
      const response = await client.request(path, init);
      return ((await response.json()) as { data: never }).data;
    },
  };
  return client;
}

function authorizationOf({ username, password, token }: Omit<ClientOptions, 'url'>): string | null {
  if (token !== undefined && token !== '') return `Bearer ${token}`;
  if (username === undefined || username === '') return null;
  return `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`;
}

/** The `error` of a JSON answer, else its text. */
function errorOf(text: string, status: number): string {
  try {
    const { error } = JSON.parse(text) as { error?: string };
    if (error !== undefined) return error;
  } catch {
    // Not JSON: said as it is.
  }
  return text.trim() === '' ? `the server answered ${status}` : text.trim();
}

/** Runs a command's work; what goes wrong is one line on stderr and exit code 1. */
export async function runClient(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    process.stderr.write(`varve: ${error.message}\n`);
    process.exitCode = 1;
  }
}
