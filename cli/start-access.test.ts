import { expect, test } from 'vitest';
import { isLoopback } from './start-access.ts';

test('only addresses that nobody else reaches are loopback', () => {
  const check = (host: string | undefined, want: boolean) => expect(isLoopback({ host, port: 1 }), host).toBe(want);
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', '0:0:0:0:0:0:0:1', 'localhost', '::ffff:127.0.0.1'])
    check(host, true);
  for (const host of [
    undefined,
    '0.0.0.0',
    '::',
    '192.0.2.1',
    '128.0.0.1',
    '::2',
    '2001:db8::1',
    'localhost.example',
    '127.example',
  ]) {
    check(host, false);
  }
});
