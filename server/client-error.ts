/** Requests that never become any, because their head is wrong, too large or too slow: answered, and the line closed. */
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

const ANSWERS: ReadonlyMap<string, readonly [status: string, error: string]> = new Map([
  ['HPE_HEADER_OVERFLOW', ['431 Request Header Fields Too Large', 'cannot read request: its head is too large']],
  [
    'HPE_CHUNK_EXTENSIONS_OVERFLOW',
    ['413 Payload Too Large', 'cannot read request: its chunk extensions are too large'],
  ],
  ['ERR_HTTP_REQUEST_TIMEOUT', ['408 Request Timeout', 'cannot read request: it took too long to arrive']],
]);

/** Answers on the socket of a request that could not be read. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  const current = (socket as { _httpMessage?: ServerResponse })._httpMessage;
  // In the middle of an answer nothing can be said any more.
  if (!socket.writable || error.code === 'ECONNRESET' || current?.headersSent === true) {
    socket.destroy();
    return;
  }
  const [status, text] = ANSWERS.get(error.code ?? '') ?? [
    '400 Bad Request',
    `cannot read request: it is not well-formed HTTP (${error.code ?? 'unknown'})`,
  ];
  const body = `${JSON.stringify({ error: text })}\n`;
  endGently(
    socket,
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** Longest wait for a sender to stop sending what nobody reads, ms. */
const LINGER_MS = 1_000;

/**
 * Ends a socket so that its peer can read what was said: what still arrives is thrown away for a moment, as closing with
 * unread bytes would reset the connection, and the answer with it.
 */
function endGently(socket: Duplex, text: string): void {
  socket.removeAllListeners('data');
  socket.on('error', () => socket.destroy());
  socket.end(text);
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
}

/** What is wrong with a request's target or host, which parsers of URLs would stumble over; null when nothing is. */
export function targetProblem(url: string, host: string | undefined): string | null {
  if (!url.startsWith('/') && !/^https?:\/\//i.test(url)) return 'cannot read request: its target is no path';
  if (host === undefined) return 'cannot read request: it has no Host header';
  return URL.canParse(`http://${host}`) ? null : 'cannot read request: its Host header is not well-formed';
}
