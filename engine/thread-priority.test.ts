import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';

/** The niceness of each thread of this process, by its id. */
function nicenesses(): Map<string, number> {
  const found = new Map<string, number>();
  for (const thread of readdirSync('/proc/self/task')) {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8');
    found.set(thread, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]));
  }
  return found;
}

it.skipIf(process.platform !== 'linux')('lowers the priority of one thread and of no other', async () => {
  const before = nicenesses();
  const module = new URL('./thread-priority.ts', import.meta.url);
  const source = `
    const { parentPort } = require('node:worker_threads');
    import('${module}').then(({ standBack }) => { standBack(); parentPort.postMessage('done'); parentPort.on('message', () => {}); });
  `;
  const worker = new Worker(source, { eval: true });
  try {
    expect(await new Promise((resolve) => worker.once('message', resolve))).toBe('done');
    const after = nicenesses();
    const lowered = [...after].filter(([thread, niceness]) => niceness > (before.get(thread) ?? 0));
    expect(lowered.map(([, niceness]) => niceness)).toEqual([Math.min(19, getPriority() + 5)]);
    for (const [thread, niceness] of before) if (after.has(thread)) expect(after.get(thread)).toBe(niceness);
  } finally {
    await worker.terminate();
  }
});
