/** Statements about users and what they may do. */
import type { Privilege } from '../../../access/privilege.ts';
import { databaseNotFound } from '../../../engine/retention-policy.ts';
import type { GrantStatement } from '../ast.ts';
import type { ResultSeries } from '../result.ts';
import { rowSeries } from '../schema/answers.ts';
import type { StatementContext } from '../statement-context.ts';

const SHOWN: Readonly<Record<Privilege, string>> = {
  none: 'NO PRIVILEGES',
  read: 'READ',
  write: 'WRITE',
  all: 'ALL PRIVILEGES',
};

const MEANT: Readonly<Record<GrantStatement['privilege'], Privilege>> = {
  READ: 'read',
  WRITE: 'write',
  'ALL PRIVILEGES': 'all',
};

export function showUsers({ engine }: StatementContext): ResultSeries {
  return rowSeries(
    '',
    ['user', 'admin'],
    engine.access.users().map(({ name, admin }) => [name, admin]),
  );
}

export function showGrants(user: string, { engine }: StatementContext): ResultSeries {
  return rowSeries(
    '',
    ['database', 'privilege'],
    engine.access.grants(user).map(([database, privilege]) => [database, SHOWN[privilege]]),
  );
}

/** GRANT and REVOKE: of a database, or of the whole server, which makes an administrator. */
export function changeGrant({ kind, privilege, database, user }: GrantStatement, { engine }: StatementContext): void {
  const { access } = engine;
  if (database === '') {
    access.setAdmin(user, kind === 'grant');
    return;
  }
  // A user who does not exist is told of first.
  access.grants(user);
  if (!engine.hasDatabase(database)) throw databaseNotFound(database);
  if (kind === 'grant') access.grant(user, database, MEANT[privilege]);
  else access.revoke(user, database, MEANT[privilege]);
}
