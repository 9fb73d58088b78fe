/**
 * How far an import has come, in a file beside it, so that it goes on where it stopped: a line of JSON that says what is
 * imported where, then one for each piece of work that is done. A line that was cut off by a crash is work to do again,
 * which does no harm: the same rows win over themselves. There is no file before the first piece is done, so that an import
 * which could not even begin does not stand in the way of the next.
 */
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

export interface ImportState {
  /** Whether a piece of work was done before. */
  isDone(key: string): boolean;
  /** Pieces that were done before this run. */
  readonly doneBefore: number;
  /** The value that was noted last under a name. */
  noted(name: string): number;
  done(key: string): void;
  note(name: string, value: number): void;
  /** The import is complete: the next one begins anew. */
  finish(): void;
}

/** @throws Error when the file belongs to another import. */
export function openState(path: string, source: string, target: string): ImportState {
  const done = new Set<string>();
  const notes = new Map<string, number>();
  const head = JSON.stringify({ varveImport: 1, source, target });
  if (existsSync(path)) {
    const [first, ...lines] = readFileSync(path, 'utf8').split('\n');
    if (first !== head) {
      throw new Error(
        `${path} belongs to another import (${first.slice(0, 200)}): remove it, or choose another with --state`,
      );
    }
    // What follows the last newline is nothing, or was cut off.
    lines.pop();
    for (const line of lines) {
      const entry = JSON.parse(line) as { done?: string; note?: string; value?: number };
      if (entry.done !== undefined) done.add(entry.done);
      if (entry.note !== undefined) notes.set(entry.note, entry.value ?? 0);
    }
    // The cut line must not run into the next one.
    writeFileSync(path, [first, ...lines, ''].join('\n'));
  }
  const append = (entry: object): void => {
    if (!existsSync(path)) writeFileSync(path, `${head}\n`);
    appendFileSync(path, `${JSON.stringify(entry)}\n`);
  };
  const doneBefore = done.size;
  return {
    doneBefore,
    isDone: (key) => done.has(key),
    noted: (name) => notes.get(name) ?? 0,
    done(key) {
      done.add(key);
      append({ done: key });
    },
    note(name, value) {
      notes.set(name, value);
      append({ note: name, value });
    },
    finish: () => rmSync(path, { force: true }),
  };
}
