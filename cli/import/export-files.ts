/**
 * Imports files that `influx_inspect export` has written: line protocol behind comments that name the database and the
 * policy of what follows, statements that make databases before it, all of it packed with gzip or not.
 *
 *     # DDL
 *     CREATE DATABASE "db" WITH NAME "autogen"
 *     # DML
 *     # CONTEXT-DATABASE:db
 *     # CONTEXT-RETENTION-POLICY:autogen
 *     cpu,host=a idle=99.5 1700000000000000000
 */
import { createReadStream, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { type ImportSummary, quoted } from './import-server.ts';
import type { ImportState } from './import-state.ts';
import { endOfLines } from './line-writer.ts';
import type { Progress } from './progress.ts';
import type { ImportTarget } from './varve-target.ts';

/** Bytes of lines that are looked at, and sent, together. */
const PIECE_BYTES = 4 << 20;

const NEWLINE = 10;
const HASH = 35;

/** The files behind a path: itself, or all in it, in the order of their names. */
export function exportFiles(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const files = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name));
  if (files.length === 0) throw new Error(`cannot import ${path}: no file is in it`);
  return files.sort();
}

/** @param database where lines go that no comment says it of; '' refuses them. */
export async function importFiles(
  files: readonly string[],
  target: ImportTarget,
  database: string,
  state: ImportState,
  progress: Progress,
): Promise<ImportSummary> {
  const summary: ImportSummary = { lines: 0, bytes: 0, refusals: [] };
  const sizes = files.map((file) => statSync(file).size);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  let before = 0;
  for (let i = 0; i < files.length; i++) {
    const file = files[i];
    if (!state.isDone(file)) {
      const show = (read: number) => progress.show(total === 0 ? 1 : (before + read) / total, summary.bytes, file);
      await importFile(file, target, database, state, summary, show);
      state.done(file);
    }
    before += sizes[i];
  }
  return summary;
}

/** Where lines go, and what lines are, as the comments so far say. */
interface Section {
  database: string;
  policy: string;
  isStatements: boolean;
}

async function importFile(
  file: string,
  target: ImportTarget,
  database: string,
  state: ImportState,
  summary: ImportSummary,
  show: (read: number) => void,
): Promise<void> {
  const section: Section = { database, policy: '', isStatements: false };
  /** Bytes, unpacked, that an earlier run has sent. What comments in them say still counts. */
  const doneBytes = state.noted(file);
  const raw = createReadStream(file);
  const stream = file.endsWith('.gz') ? raw.compose(createGunzip()) : raw;
  let held = Buffer.alloc(0);
  let offset = 0;
  let arrived: Uint8Array[] = [];
  let arrivedBytes = 0;
  const sendHeld = async (isEnd: boolean) => {
    held = Buffer.concat([held, ...arrived]);
    arrived = [];
    arrivedBytes = 0;
    const end = isEnd ? held.length : endOfLines(held);
    const isDone = offset + end <= doneBytes;
    await importLines(held.subarray(0, end), target, section, summary, isDone);
    held = held.subarray(end);
    offset += end;
    if (!isDone) state.note(file, offset);
    show(raw.bytesRead);
  };
  for await (const piece of stream as AsyncIterable<Uint8Array>) {
    arrived.push(piece);
    arrivedBytes += piece.length;
    if (arrivedBytes >= PIECE_BYTES) await sendHeld(false);
  }
  await sendHeld(true);
}

/** Sends whole lines, in one write for each run between comments that change where they go. */
async function importLines(
  bytes: Uint8Array,
  target: ImportTarget,
  section: Section,
  summary: ImportSummary,
  isDone: boolean,
): Promise<void> {
  let runStart = 0;
  let at = 0;
  const sendRun = async (end: number) => {
    const run = bytes.subarray(runStart, end);
    if (run.length > 0 && !isDone) await sendLines(run, target, section, summary);
  };
  while (at < bytes.length) {
    if (bytes[at] !== HASH && !section.isStatements) {
      const length = endOfLine(bytes, at);
      at += length;
      continue;
    }
    const newline = bytes.indexOf(NEWLINE, at);
    const end = newline < 0 ? bytes.length : newline;
    const line = Buffer.from(bytes.subarray(at, end)).toString().trim();
    await sendRun(at);
    if (line.startsWith('#')) noteComment(line, section);
    else if (line !== '' && !isDone) await executeDefinition(line, target);
    at = end + 1;
    runStart = at;
  }
  await sendRun(bytes.length);
}

/** Bytes of the line that starts at `at`, with its newline, which may be behind newlines in quotes. */
function endOfLine(bytes: Uint8Array, at: number): number {
  const newline = bytes.indexOf(NEWLINE, at);
  if (newline < 0) return bytes.length - at;
  // Nearly every line has no newline of its own.
  const line = endOfLines(bytes.subarray(at, newline + 1));
  if (line > 0) return line;
  let end = newline;
  for (;;) {
    const next = bytes.indexOf(NEWLINE, end + 1);
    if (next < 0) return bytes.length - at;
    const length = endOfLines(bytes.subarray(at, next + 1));
    if (length > 0) return length;
    end = next;
  }
}

/**
 * Runs a statement of a file's first part: `CREATE DATABASE name WITH NAME policy`, once for each policy and without
 * quotes, so that names can be read but for blanks in them, and all but the first of a database make a policy only.
 */
async function executeDefinition(line: string, target: ImportTarget): Promise<void> {
  const [, database, policy] = /^CREATE DATABASE (.+?) WITH NAME (.+)$/.exec(line) ?? [];
  if (database === undefined) {
    await target.execute(line);
    return;
  }
  const [there, name] = [quotedOnce(database), quotedOnce(policy)];
  try {
    await target.execute(`CREATE DATABASE ${there} WITH NAME ${name}`);
  } catch (error) {
    if (!(error as Error).message.includes('conflicts')) throw error;
    await target.execute(`CREATE RETENTION POLICY ${name} ON ${there} DURATION INF REPLICATION 1`).catch((failure) => {
      if (!(failure as Error).message.includes('already exists')) throw failure;
    });
  }
}

function quotedOnce(name: string): string {
  return name.startsWith('"') ? name : quoted(name);
}

function noteComment(line: string, section: Section): void {
  const [, name, value = ''] = /^#\s*([A-Z-]+)(?::\s*(.*))?$/.exec(line) ?? [];
  if (name === 'DDL') section.isStatements = true;
  else if (name === 'DML') section.isStatements = false;
  else if (name === 'CONTEXT-DATABASE') {
    section.database = value;
    section.policy = '';
  } else if (name === 'CONTEXT-RETENTION-POLICY') section.policy = value;
}

async function sendLines(
  run: Uint8Array,
  target: ImportTarget,
  section: Section,
  summary: ImportSummary,
): Promise<void> {
  if (section.database === '') {
    throw new Error('the file does not say which database its lines are of: give one with --database');
  }
  const refusal = await target.write(section.database, section.policy, new Uint8Array(run));
  summary.bytes += run.length;
  for (const code of run) if (code === NEWLINE) summary.lines++;
  if (refusal !== '') summary.refusals.push(`${section.database}.${section.policy}: ${refusal}`);
}
