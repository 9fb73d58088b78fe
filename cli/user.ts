/** `varve user`: make, list, change and drop users. */
import { type Command, Option } from 'commander';
import type { Privilege } from '../access/privilege.ts';
import { type AccountOptions, type Accounts, type Grant, withAccounts } from './accounts.ts';
import { addClientOptions, ClientError, runClient } from './client.ts';
import { readNewPassword } from './new-password.ts';
import { tableOf } from './table.ts';

const EXAMPLES = `
Examples:
  varve user create admin --admin --data ./data     before the first start, or while no server runs
  varve user create ann                             on the server at --url; asks for the password
  varve user grant ann telegraf read
  varve user password ann < new-password.txt

A running server is asked as --username and --password or --token say; better by VARVE_USERNAME, VARVE_PASSWORD and
VARVE_TOKEN, as others on this machine can read command lines.`;

export function addUserCommand(program: Command): void {
  const user = program.command('user').description('users and what they may do').addHelpText('after', EXAMPLES);
  const does = (
    usage: string,
    description: string,
    work: (
      accounts: Accounts,
      values: readonly string[],
      options: { admin?: boolean; json?: boolean },
    ) => Promise<void>,
  ) => {
    const command = withAccountOptions(user.command(usage).description(description)).addHelpText('after', EXAMPLES);
    return command.action((...values: unknown[]) => {
      const options = values.at(-2) as AccountOptions & { admin?: boolean; json?: boolean };
      const given = values.slice(0, -2) as string[];
      const makes = usage.startsWith('create');
      return runClient(() => withAccounts(options, (accounts) => work(accounts, given, options), makes));
    });
  };
  does('list', 'all users and their grants', async (accounts, _, options) => {
    const users = await accounts.users();
    if (options.json) process.stdout.write(`${JSON.stringify(users, null, 2)}\n`);
    else {
      const rows = users.map(({ name, admin, grants }) => [name, admin ? 'yes' : 'no', grantsText(grants)]);
      process.stdout.write(tableOf({ title: '', columns: ['user', 'admin', 'grants'], rows }));
    }
  }).option('--json', 'print what the server says', false);
  does(
    'create <name>',
    'make a user; asks for the password, or reads it from stdin',
    async (accounts, [name], { admin }) => accounts.createUser(name, await readNewPassword(name), admin === true),
  ).option('--admin', 'one who may do everything', false);
  does('password <name>', 'set a password; asks for it, or reads it from stdin', async (accounts, [name]) =>
    accounts.setPassword(name, await readNewPassword(name)),
  );
  does('drop <name>', 'remove a user', (accounts, [name]) => accounts.dropUser(name));
  withPrivileges(
    does(
      'grant <name> [database] [privilege]',
      'read, write or all on a database, or --admin',
      (accounts, given, { admin }) =>
        admin === true ? accounts.setAdmin(given[0], true) : accounts.grant(given[0], ...grantOf(given, null)),
    ),
  );
  withPrivileges(
    does(
      'revoke <name> [database] [privilege]',
      'take a privilege away (default: all), or --admin',
      (accounts, given, { admin }) =>
        admin === true ? accounts.setAdmin(given[0], false) : accounts.revoke(given[0], ...grantOf(given, 'all')),
    ),
  );
}

function withPrivileges(command: Command): Command {
  return command.option('--admin', 'of the whole server');
}

/** Adds what says whose accounts are meant. */
export function withAccountOptions(command: Command): Command {
  return addClientOptions(command).addOption(
    new Option('-d, --data <directory>', 'work on this data directory, which no server has open'),
  );
}

const PRIVILEGES: readonly Privilege[] = ['read', 'write', 'all'];

function grantOf(given: readonly (string | undefined)[], fallback: Privilege | null): [string, Privilege] {
  const [, database, text] = given;
  const privilege = text === undefined ? fallback : PRIVILEGES.find((each) => each === text);
  if (database === undefined || !privilege) {
    throw new ClientError('give a database and one of read, write, all; or --admin', 0);
  }
  return [database, privilege];
}

export function grantsText(grants: readonly Grant[]): string {
  return grants.map(({ database, privilege }) => `${database}:${privilege}`).join(' ');
}
