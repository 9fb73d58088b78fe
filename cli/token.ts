/** `varve token`: make, list and revoke tokens. */
import type { Command } from 'commander';
import type { Privilege } from '../access/privilege.ts';
import { type AccountOptions, type Grant, withAccounts } from './accounts.ts';
import { ClientError, runClient } from './client.ts';
import { tableOf } from './table.ts';
import { grantsText, withAccountOptions } from './user.ts';

interface CreateOptions extends AccountOptions {
  description: string;
  admin: boolean;
  read?: string[];
  write?: string[];
  all?: string[];
  expires: string;
}

const EXAMPLES = `
Examples:
  varve token create --write telegraf --description 'Telegraf on web01'
  varve token create --read prometheus --read telegraf --expires 90d
  varve token list
  varve token revoke 83a9b63ba950`;

export function addTokenCommand(program: Command): void {
  const token = program
    .command('token')
    .description('tokens, which programs send in place of a password')
    .addHelpText('after', EXAMPLES);
  withAccountOptions(token.command('create').description('make a token and print it, this once'))
    .option('--read <database...>', 'may read it')
    .option('--write <database...>', 'may write to it')
    .option('--all <database...>', 'may do both')
    .option('--admin', 'may do everything', false)
    .option('--expires <duration>', 'how long it is good for, such as 90d; default: for ever', '')
    .option('--description <text>', 'what it is for', '')
    .addHelpText('after', EXAMPLES)
    .action((options: CreateOptions) =>
      runClient(async () => {
        const { description, admin, expires } = options;
        const grants = grantsOf(options);
        if (!admin && grants.length === 0) {
          throw new ClientError('cannot make token: give --read, --write, --all or --admin', 0);
        }
        const made = { description, admin, grants, expires };
        const text = await withAccounts(options, (accounts) => accounts.createToken(made), true);
        process.stdout.write(`${text}\n`);
      }),
    );
  withAccountOptions(token.command('list').description('all tokens, without their secrets'))
    .option('--json', 'print what the server says', false)
    .addHelpText('after', EXAMPLES)
    .action((options: AccountOptions & { json: boolean }) =>
      runClient(async () => {
        const tokens = await withAccounts(options, (accounts) => accounts.tokens());
        if (options.json) process.stdout.write(`${JSON.stringify(tokens, null, 2)}\n`);
        else {
          const rows = tokens.map(({ id, description, admin, grants, expiresMs }) => [
            id,
            admin ? 'admin' : grantsText(grants),
            expiresMs === null ? 'never' : new Date(expiresMs).toISOString(),
            description,
          ]);
          process.stdout.write(tableOf({ title: '', columns: ['id', 'may', 'expires', 'description'], rows }));
        }
      }),
    );
  withAccountOptions(token.command('revoke <id>').description('end a token, at once'))
    .addHelpText('after', EXAMPLES)
    .action((id: string, options: AccountOptions) =>
      runClient(() => withAccounts(options, (accounts) => accounts.revokeToken(id))),
    );
}

function grantsOf(options: CreateOptions): Grant[] {
  const grants = new Map<string, Privilege>();
  for (const privilege of ['read', 'write', 'all'] as const) {
    for (const database of options[privilege] ?? []) grants.set(database, grants.has(database) ? 'all' : privilege);
  }
  return [...grants].map(([database, privilege]) => ({ database, privilege }));
}
