/** A new password: asked for twice without showing it, or the first line of stdin. Never an argument, which all can see. */
import { ClientError } from './client.ts';

export async function readNewPassword(name: string): Promise<string> {
  const password = process.stdin.isTTY ? await askTwice(name) : await firstLine();
  if (password === '') throw new ClientError('cannot use an empty password', 0);
  return password;
}

async function firstLine(): Promise<string> {
  let text = '';
  process.stdin.setEncoding('utf8');
  for await (const part of process.stdin) {
    text += part;
    if (text.includes('\n')) break;
  }
  return text.split(/\r?\n/, 1)[0];
}

async function askTwice(name: string): Promise<string> {
  const first = await ask(`New password of ${name}: `);
  if ((await ask('Again: ')) === first) return first;
  throw new ClientError('the passwords differ: nothing was changed', 0);
}

/** One line of the terminal, which does not show what is typed. */
function ask(question: string): Promise<string> {
  const { stdin } = process;
  process.stderr.write(question);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  stdin.resume();
  return new Promise((resolve, reject) => {
    let text = '';
    const end = (settle: () => void) => {
      stdin.off('data', onData);
      stdin.setRawMode(false);
      stdin.pause();
      process.stderr.write('\n');
      settle();
    };
    const onData = (typed: string) => {
      for (const letter of typed) {
        if (letter === '\r' || letter === '\n') return end(() => resolve(text));
        if (letter === '\u0003' || letter === '\u0004') return end(() => reject(new ClientError('stopped', 0)));
        if (letter === '\u007f' || letter === '\b') text = text.slice(0, -1);
        else text += letter;
      }
    };
    stdin.on('data', onData);
  });
}
