/** Users, tokens and grants, over a disk that fails and restarts. */
import { expect, it } from 'vitest';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import { AccessStore, type Principal } from './access-store.ts';
import { hashPassword, isPassword } from './password.ts';

function setUp(nowMs: () => number = () => 1000): { fs: MemoryFileSystem; store: AccessStore; reopen(): AccessStore } {
  const fs = new MemoryFileSystem(1);
  fs.makeDirectory('/data');
  const open = (disk: ReturnType<MemoryFileSystem['attach']> | MemoryFileSystem) =>
    new AccessStore(disk, '/data', nowMs);
  return {
    fs,
    store: open(fs),
    reopen() {
      fs.crash();
      return open(fs.attach());
    },
  };
}

const bob: Principal = { kind: 'user', name: 'bob' };

const textOf = (fs: MemoryFileSystem) => new TextDecoder().decode(fs.readFile('/data/ACCESS'));

it('users log in with their own password only, and outlive a power loss', async () => {
  const { fs, store, reopen } = setUp();
  await store.createUser('ann', 'secret of ann', true);
  await store.createUser('bob', 'secret of bob', false);
  const again = reopen();
  expect(again.users()).toEqual([
    { name: 'ann', admin: true },
    { name: 'bob', admin: false },
  ]);
  expect(await again.logIn('bob', 'secret of bob')).toEqual({ kind: 'user', name: 'bob' });
  expect(await again.logIn('bob', 'secret of bob')).toEqual({ kind: 'user', name: 'bob' });
  expect(await again.logIn('bob', 'secret of ann')).toBeNull();
  expect(await again.logIn('nobody', 'nobody has this name')).toBeNull();
  expect(textOf(fs)).not.toContain('secret');
  await again.setPassword('bob', 'another');
  expect(await again.logIn('bob', 'secret of bob'), 'what was remembered is not good any more').toBeNull();
  expect(await again.logIn('bob', 'another')).not.toBeNull();
});

it('of two first administrators that are made at once there is one', async () => {
  const { store } = setUp();
  const ends = await Promise.allSettled([
    store.createUser('ann', 'x', true, true),
    store.createUser('eve', 'y', true, true),
  ]);
  expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(store.users().length).toBe(1);
  await expect(store.createUser('mallory', 'z', true, true)).rejects.toThrow('there are users or tokens by now');
});

it('a log-in that takes its time is not one to who got the name meanwhile', async () => {
  const { store } = setUp();
  await store.createUser('ann', 'old', true);
  const late = store.logIn('ann', 'old');
  store.dropUser('ann');
  await store.createUser('ann', 'of another', true);
  expect(await late).toBeNull();
});

it('creating the same user again is fine, another of the name is not', async () => {
  const { store } = setUp();
  await store.createUser('ann', 'x', false);
  await store.createUser('ann', 'x', false);
  await expect(store.createUser('ann', 'y', false)).rejects.toThrow('user already exists');
  await expect(store.createUser('ann', 'x', true)).rejects.toThrow('user already exists');
  await expect(store.createUser('', 'x', true)).rejects.toThrow('username required');
  const both = await Promise.allSettled([store.createUser('eve', 'x', true), store.createUser('eve', 'y', true)]);
  expect(both.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(store.users()).toHaveLength(2);
});

it('grants replace each other, revocations leave the rest', async () => {
  const { store, reopen } = setUp();
  await store.createUser('bob', 'x', false);
  store.grant('bob', 'b', 'write');
  store.grant('bob', 'a', 'read');
  store.grant('bob', 'a', 'all');
  store.revoke('bob', 'a', 'read');
  store.revoke('bob', 'c', 'all');
  const again = reopen();
  expect(again.grants('bob')).toEqual([
    ['a', 'write'],
    ['b', 'write'],
    ['c', 'none'],
  ]);
  expect([again.may(bob, 'write', 'a'), again.may(bob, 'read', 'a')]).toEqual([true, false]);
  expect([again.may(bob, 'admin', 'a'), again.may(bob, 'read', 'c')]).toEqual([false, false]);
  again.setAdmin('bob', true);
  expect([again.may(bob, 'admin', ''), again.may(bob, 'read', 'c')]).toEqual([true, true]);
  again.dropUser('bob');
  expect(again.may(bob, 'write', 'a')).toBe(false);
  for (const act of [
    () => again.grants('bob'),
    () => again.grant('bob', 'a', 'read'),
    () => again.revoke('bob', 'a', 'read'),
    () => again.setAdmin('bob', true),
    () => again.dropUser('bob'),
  ]) {
    expect(act).toThrow('user not found');
  }
  await expect(again.setPassword('bob', 'x')).rejects.toThrow('user not found');
});

it('tokens are good for their databases until they expire or are revoked', () => {
  let nowMs = 1000;
  const { fs, store, reopen } = setUp(() => nowMs);
  const { text } = store.createToken({ description: 'telegraf', grants: new Map([['a', 'write']]), expiresMs: 5000 });
  const other = store.createToken({ description: 'operator', admin: true });
  expect(text).toMatch(/^varve_/);
  expect(textOf(fs)).not.toContain(text.slice(-43));
  const again = reopen();
  const bearer = again.bearer(text)!;
  expect(again.may(bearer, 'write', 'a')).toBe(true);
  expect(again.may(bearer, 'read', 'a')).toBe(false);
  expect(again.may(bearer, 'write', 'b')).toBe(false);
  expect(again.may(again.bearer(other.text)!, 'admin', '')).toBe(true);
  const last = text.endsWith('A') ? 'B' : 'A';
  for (const wrong of [text.slice(0, -1) + last, text.slice(0, -1), '', 'varve_', `${text}x`]) {
    expect(again.bearer(wrong)).toBeNull();
  }
  nowMs = 5000;
  expect(again.bearer(text)).toBeNull();
  expect(again.may(bearer, 'write', 'a'), 'it was let in before').toBe(false);
  expect(again.tokens()).toEqual([
    expect.objectContaining({ description: 'telegraf', grants: [['a', 'write']], expiresMs: 5000, createdMs: 1000 }),
    expect.objectContaining({ description: 'operator', admin: true, expiresMs: null }),
  ]);
  expect(JSON.stringify(again.tokens())).not.toContain('hash');
  again.revokeToken(other.id);
  expect(again.bearer(other.text)).toBeNull();
  expect(() => again.revokeToken(other.id)).toThrow('it does not exist');
});

it('a database that is dropped takes its grants along', async () => {
  const { store } = setUp();
  await store.createUser('bob', 'x', false);
  store.grant('bob', 'a', 'all');
  const { text } = store.createToken({ description: '', grants: new Map([['a', 'all']]) });
  store.forgetDatabase('a');
  expect(store.grants('bob')).toEqual([]);
  expect(store.may(store.bearer(text)!, 'read', 'a')).toBe(false);
});

it('a change that the disk refuses did not happen', async () => {
  const { fs, store, reopen } = setUp();
  await store.createUser('bob', 'x', false);
  fs.fail('syncDirectory', { times: 1 });
  expect(() => store.setAdmin('bob', true)).toThrow('EIO');
  expect(store.may(bob, 'admin', '')).toBe(false);
  expect(reopen().users()).toEqual([{ name: 'bob', admin: false }]);
});

it('a damaged file is refused by name', async () => {
  const { fs, store } = setUp();
  await store.createUser('bob', 'x', false);
  fs.flipBit('/data/ACCESS', 60, 1);
  expect(() => new AccessStore(fs.attach(), '/data')).toThrow('cannot read /data/ACCESS');
});

it('passwords of any text, each with a salt of its own; a stored text that is none matches nothing', async () => {
  for (const password of ['', 'ü€😀', 'a'.repeat(10_000), 'a\u0000b']) {
    const stored = await hashPassword(password);
    expect(stored).toMatch(/^scrypt\$15\$8\$1\$/);
    expect(await isPassword(password, stored)).toBe(true);
    expect(await isPassword(`${password}x`, stored)).toBe(false);
  }
  expect(await hashPassword('x')).not.toBe(await hashPassword('x'));
  for (const stored of ['', 'x', 'scrypt$99$8$1$AAAA$AAAA', 'scrypt$15$8$1$$']) {
    expect(await isPassword('', stored)).toBe(false);
  }
});
