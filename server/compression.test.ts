import { describe, expect, test } from 'vitest';
import { packAnswer } from './compression.ts';

/** An answer that is made as it is sent, without an end, and what becomes of it. */
function endless(): { response: Response; stopped: Promise<void> } {
  const piece = new TextEncoder().encode(JSON.stringify(Array.from({ length: 5000 }, (_, i) => i * 7919)));
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const body = new ReadableStream({ pull: (controller) => controller.enqueue(piece), cancel: () => stop() });
  return { response: new Response(body, { headers: { 'content-type': 'application/json' } }), stopped };
}

describe.each(['gzip', 'zstd', 'deflate'])('an answer that is packed with %s as it is sent', (encoding) => {
  test('is no longer made when the client has gone', async () => {
    const { response, stopped } = endless();
    const { headers, body } = await packAnswer(response, encoding);
    expect(headers.get('content-encoding')).toBe(encoding);
    const reader = (body as ReadableStream<Uint8Array>).getReader();
    expect((await reader.read()).done).toBe(false);
    // An error that nobody takes would end the process, and this run.
    await reader.cancel();
    await stopped;
  });

  test('may be left at any moment, also when it is small and packed already', async () => {
    const text = JSON.stringify(Array.from({ length: 3000 }, (_, i) => i * 7919));
    for (let turns = 0; turns < 12; turns++) {
      const response = new Response(text, { headers: { 'content-type': 'application/json' } });
      const { body } = await packAnswer(response, encoding);
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      await body?.cancel();
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  });

  test('is cut off when it cannot be made whole', async () => {
    let pieces = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (pieces++ === 3) controller.error(new Error('the disk is gone'));
        else controller.enqueue(new Uint8Array(100_000));
      },
    });
    const packed = await packAnswer(new Response(body, { headers: { 'content-type': 'text/csv' } }), encoding);
    await expect(packed.arrayBuffer()).rejects.toThrow('the disk is gone');
  });
});
