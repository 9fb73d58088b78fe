/** Credentials in the server's address: used, and never shown. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { connect } from './client.ts';

test('a user and password in the address are sent as a header; options go before them', async () => {
  const seen: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.url} ${request.headers.authorization}`);
    response.end('{"data":1}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const at = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await connect({ url: `http://ann:of%20ann@${at}/db/x/` }).json('/api');
  await connect({ url: `http://ann:x@${at}`, token: 'varve_t' }).json('/api');
  await connect({ url: `http://${at}`, username: 'bob', password: 'of bob' }).json('/api');
  expect(seen).toEqual([
    `/db/x/api Basic ${btoa('ann:of ann')}`,
    '/api Bearer varve_t',
    `/api Basic ${btoa('bob:of bob')}`,
  ]);
  await new Promise((resolve) => server.close(resolve));
  const gone = connect({ url: `http://ann:swordfish@${at}` }).json('/api');
  await expect(gone).rejects.toThrow(`cannot reach http://${at}: `);
  await expect(gone).rejects.not.toThrow('swordfish');
});
