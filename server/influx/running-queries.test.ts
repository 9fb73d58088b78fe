import { expect, test } from 'vitest';
import { parseStatements } from '../../query/influxql/parser/parser.ts';
import { listedText } from './running-queries.ts';

test('what is listed and logged has no passwords in it', () => {
  const check = (text: string, want: string) => expect(listedText(text, parseStatements(text))).toBe(want);
  check(
    "CREATE USER a WITH PASSWORD 'x' WITH ALL PRIVILEGES",
    'CREATE USER a WITH PASSWORD [REDACTED] WITH ALL PRIVILEGES',
  );
  check(
    `create user "a" with  password 'it\\'s'; SHOW QUERIES`,
    'CREATE USER a WITH PASSWORD [REDACTED]; SHOW QUERIES',
  );
  check('SET PASSWORD FOR "a" = \'x\'; SELECT a FROM b', 'SET PASSWORD FOR a = [REDACTED]; SELECT a FROM b');
  // An equals sign in the name, and comments between the words.
  check('SET PASSWORD FOR "a=b" = \'x\'', 'SET PASSWORD FOR "a=b" = [REDACTED]');
  check("CREATE USER a WITH /* '=' */ PASSWORD -- it\n 'x'", 'CREATE USER a WITH PASSWORD [REDACTED]');
  check("SELECT  *  FROM passwords WHERE t = 'x'", "SELECT  *  FROM passwords WHERE t = 'x'");
});
