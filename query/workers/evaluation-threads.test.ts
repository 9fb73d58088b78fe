import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { EvaluationJob } from './evaluation-job.ts';
import { evaluationThreads } from './evaluation-threads.ts';
import { STOP } from './window-job.ts';

/** Answers with what it was asked; one that is stubborn only when it has been told to stop, and some time later. */
const MODULE = `
  import { parentPort } from 'node:worker_threads';
  const pass = (ms) => { for (const end = performance.now() + ms; performance.now() < end; ); };
  parentPort.on('message', ({ job, format }) => {
    if (format === 'stubborn') {
      while (Atomics.load(job.control, ${STOP}) === 0);
      pass(50);
    }
    parentPort.postMessage({ answer: format });
  });
`;

it('a thread that is being ended is not given the next query, though its answer has come after all', async () => {
  const threads = evaluationThreads(new URL(`data:text/javascript,${encodeURIComponent(MODULE)}`), 1);
  const control = new Int32Array(new SharedArrayBuffer(8));
  const job = { control } as unknown as EvaluationJob;
  const signal = { aborted: false };
  const stubborn = threads.run({ job, format: 'stubborn' }, { signal });
  signal.aborted = true;
  while (Atomics.load(control, STOP) === 0) await nextTurn();
  // This thread is busy until the other's time is over. Its answer waits meanwhile, and comes right behind the end: what a
  // socket calls comes before timers, and messages of threads before the next socket.
  const server = createServer((socket) => socket.end('x')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  await once(connect((server.address() as AddressInfo).port, '127.0.0.1'), 'data');
  server.close();
  for (const end = performance.now() + 400; performance.now() < end; );
  await stubborn.catch(() => {});
  expect(await threads.run({ job, format: 'next' }, { signal: null })).toBe('next');
  await threads.close();
});
