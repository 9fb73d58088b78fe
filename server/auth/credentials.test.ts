import { expect, test } from 'vitest';
import { newToken } from '../../access/token.ts';
import { readCredentials } from './credentials.ts';

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

test('credentials in every spelling that clients have', () => {
  const { text } = newToken();
  const check = (header: string | undefined, query: string, want: ReturnType<typeof readCredentials>) =>
    expect(readCredentials(header, query), `${header} ${query}`).toEqual(want);
  const user = (name: string, password: string) => ({ kind: 'password', name, password }) as const;
  check(undefined, '', null);
  check(undefined, 'db=u&p=x', null);
  check(undefined, 'u=a&p=b%20c', user('a', 'b c'));
  check(undefined, 'db=x&%75=a&p=b', user('a', 'b'));
  // Half of a pair is none, and leaves the header to count.
  check(basic('a:b'), 'u=c', user('a', 'b'));
  check(basic('a:b'), 'u=c&p=d', user('c', 'd'));
  check(basic('a:b:c'), '', user('a', 'b:c'));
  check(basic('ä:ö'), '', user('ä', 'ö'));
  check('basic YTo=', '', user('a', ''));
  check('Token a:b', '', user('a', 'b'));
  for (const header of [
    `Bearer ${text}`,
    `bearer  ${text} `,
    `Token ${text}`,
    basic(`any:${text}`),
    basic(`:${text}`),
  ]) {
    check(header, '', { kind: 'token', text });
  }
  check(undefined, `u=any&p=${text}`, { kind: 'token', text });
  check('Token nonsense', '', { kind: 'token', text: 'nonsense' });
  for (const header of ['Basic', 'Basic ', basic('nocolon'), 'Digest x', 'Bearer', 'nonsense'])
    check(header, '', 'malformed');
});
