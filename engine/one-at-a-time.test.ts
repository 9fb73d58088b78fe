import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { OneAtATime } from './one-at-a-time.ts';

it('never has two pieces of work under way, however many come in one turn', async () => {
  const runs = new OneAtATime();
  let underWay = 0;
  let done = 0;
  const work = async () => {
    expect(++underWay).toBe(1);
    await nextTurn();
    underWay--;
    done++;
  };
  const first = Array.from({ length: 5 }, () => runs.run(work));
  // They wait for the end of the same piece, and are told of it in the same turn.
  const others = Array.from({ length: 5 }, () => runs.idle().then(() => runs.run(work)));
  await Promise.all([...first, ...others]);
  expect(done).toBe(10);
  expect(runs.isRunning).toBe(false);
});

it('begins at once when nothing is under way, and goes on after work that failed', async () => {
  const runs = new OneAtATime();
  let began = false;
  const failing = runs.run(async () => {
    began = true;
    throw new Error('the disk is full');
  });
  expect(began).toBe(true);
  const next = runs.run(async () => {});
  await expect(failing).rejects.toThrow('the disk is full');
  await expect(next).resolves.toBeUndefined();
});

it('joins what is under way, and shares its end', async () => {
  const runs = new OneAtATime();
  let works = 0;
  const work = async () => {
    works++;
    await nextTurn();
    throw new Error('the disk is full');
  };
  const ends = await Promise.allSettled([runs.join(work), runs.join(work)]);
  expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(works).toBe(1);
});

it('refuses who waits and who comes later once the last piece was asked for', async () => {
  const runs = new OneAtATime();
  const done: string[] = [];
  const work = (name: string) => async () => {
    await nextTurn();
    done.push(name);
  };
  const first = runs.run(work('first'));
  const waiting = runs.run(work('waiting'));
  const last = runs.end(work('last'));
  await expect(waiting).rejects.toThrow('the server is stopping');
  await Promise.all([first, last]);
  await expect(runs.run(work('late'))).rejects.toThrow('the server is stopping');
  expect(done).toEqual(['first', 'last']);
});
