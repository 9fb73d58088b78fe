/**
 * Damage to a data directory of a random history, tried out on a copy: a flipped bit in, or the loss of, one file.
 *
 * What may happen: the start is refused by an error that names what is damaged; or a data file is put aside and
 * reported, and nothing else is missing; or reading the damaged file throws. Never is there a wrong value, and never is
 * anything missing without a word.
 */
import { Batch } from '../batch/batch.ts';
import type { FileSystem } from '../disk/file-system.ts';
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import { VarveError } from '../errors/errors.ts';
import { openTsm } from '../tsm/reader.ts';
import { type Engine, openEngine } from './engine.ts';
import type { History } from './histories.ts';
import type { Allowance, Rows } from './history-model.ts';
import { addRows, fillRandomly, readSeries, seriesNames } from './history-rows.ts';

const DATA = '/data';
const decoder = new TextDecoder();

interface Report {
  message: string;
  fields: Record<string, unknown>;
}

/** Damages a copy of the closed data directory of a history and looks at what comes of it. Returns what is wrong, or null. */
export async function tryDamage(
  history: History,
  databases: readonly (readonly [name: string, partitionDurationSec: number])[],
  isExpired: Allowance['isExpired'],
  logIsMarked: boolean,
  mayBeGone: ReadonlySet<string>,
): Promise<string | null> {
  const { random, steps } = history;
  const disk = copyOf(history.fs);
  const paths = filesBelow(disk, DATA);
  const kinds = ['.tsm', 'index.log', 'schema', 'MANIFEST', 'CATALOG', '/wal/'].filter(
    (kind) => paths.some((path) => path.includes(kind)) && !(kind === '/wal/' && !logIsMarked),
  );
  if (kinds.length === 0) return null;
  const kind = random.pick(kinds);
  const path = random.pick(paths.filter((name) => name.includes(kind)));
  const contents = path.endsWith('.tsm') ? contentsOf(disk, path) : new Map<string, Rows>();
  const size = disk.size(path);
  // Nothing says of the last segment of a log that there was one.
  const mayGo = path !== paths.findLast((name) => name.endsWith('.wal') && !name.includes('spare'));
  if (mayGo && (size === 0 || random.chance(0.2))) {
    disk.remove(path);
    steps.push(`[on a copy: ${path} is gone]`);
  } else {
    const offset = random.below(size);
    const bit = random.below(8);
    disk.flipBit(path, offset, bit);
    steps.push(`[on a copy: bit ${bit} of byte ${offset} of ${size} in ${path} flips]`);
  }

  const reports: Report[] = [];
  const options = {
    ...history.optionsOn(disk),
    log: (level: string, message: string, fields: Record<string, unknown> = {}) => {
      if (level === 'error') reports.push({ message, fields });
    },
  };
  let engine: Engine;
  try {
    engine = await openEngine(options);
  } catch (error) {
    steps.push(`[${(error as Error).message}]`);
    if (!namesDamage(error, path)) return `damage to ${path} ends in: ${(error as Error).stack}`;
    if (!path.includes('/wal/')) return null;
    disk.kill();
    disk.remove(`${DATA}/LOCK`);
    try {
      engine = await openEngine({ ...options, fs: disk.attach(), walRecovery: 'skip' });
    } catch (skipped) {
      return `damage to ${path}, skipped, ends in: ${(skipped as Error).stack}`;
    }
  }
  for (const { message } of reports) steps.push(`[${message}]`);

  const name = path.slice(path.lastIndexOf('/') + 1);
  const allow: Allowance = {
    isExpired,
    crashed: true,
    isLost: (database, series, time, field) =>
      reports.some(({ message }) => message.startsWith('lost ') && message.includes('records of the log')) ||
      reports.some(
        ({ message, fields }) =>
          fields.database === engine.database(database)?.name &&
          (message.startsWith('lost rows in the log of series') ||
            (fields.file === name && contents.get(series)?.get(time)?.has(field) === true)),
      ),
  };
  const compare = (): string | null => {
    for (const [database] of databases) {
      const target = engine.database(database);
      if (target === undefined && mayBeGone.has(database)) continue;
      const names = target === undefined ? [] : seriesNames(target);
      for (const series of new Set([...history.model.seriesOf(database), ...names])) {
        let found: Rows;
        try {
          found = readSeries(target, series);
        } catch (error) {
          if (path.endsWith('.tsm') && namesDamage(error, path)) continue;
          return `damage to ${path}, then reading ends in: ${(error as Error).stack}`;
        }
        const difference = history.model.differences(database, series, found, allow);
        if (difference !== null) return `damage to ${path}: ${difference}`;
      }
    }
    return null;
  };

  let difference = compare();
  if (difference !== null) return difference;
  await engine.maintenance.run(random.chance(0.5));
  difference = compare();
  if (difference !== null) return `after merging, ${difference}`;
  await writeElsewhere(engine, history);
  await engine.close();
  disk.kill();
  engine = await openEngine({ ...options, fs: disk.attach() });
  difference = compare();
  await engine.close();
  return difference === null ? null : `after a restart, ${difference}`;
}

/** Takes new rows, of series that the model does not know, so that refs are given anew. */
async function writeElsewhere(engine: Engine, history: History): Promise<void> {
  const batch = new Batch();
  const database = engine.createDatabase('elsewhere');
  fillRandomly(batch, history.random, database, ['0', '1'], history.clock.nowMs());
  await engine.durable(engine.commit(database, batch));
}

/** Whether an error says which file, or at least which part, is damaged. */
function namesDamage(error: unknown, path: string): boolean {
  if (!(error instanceof VarveError) || error.code !== 'corrupt') return false;
  return error.message.includes(path) || (path.includes('/wal/') && error.message.includes('/wal'));
}

/** The rows of a data file by series. */
function contentsOf(fs: FileSystem, path: string): Map<string, Rows> {
  const contents = new Map<string, Rows>();
  try {
    const file = openTsm(fs, path);
    for (const { ref, key } of file.keys()) {
      const slice = file.read(ref, null, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
      if (slice === null) continue;
      const rows: Rows = new Map();
      addRows(rows, file.meta.partitionStartSec, slice);
      contents.set(decoder.decode(key).replace('m,n=', ''), rows);
    }
    file.close();
  } catch {
    // A file that no manifest names, torn by a power loss.
  }
  return contents;
}

function filesBelow(fs: FileSystem, directory: string): string[] {
  const found: string[] = [];
  for (const name of fs.list(directory)) {
    const path = `${directory}/${name}`;
    if (name === 'LOCK' || name === 'quarantine' || name.endsWith('.tmp')) continue;
    const below = filesBelow(fs, path);
    if (below.length > 0) found.push(...below);
    else if (isFile(fs, path)) found.push(path);
  }
  return found;
}

function isFile(fs: FileSystem, path: string): boolean {
  try {
    fs.size(path);
    return true;
  } catch {
    return false;
  }
}

/** The same files on another disk, all of them synced. */
function copyOf(fs: MemoryFileSystem): MemoryFileSystem {
  const copy = new MemoryFileSystem(1);
  copy.makeDirectory(DATA);
  for (const name of fs.list(DATA)) copyTree(fs, copy, `${DATA}/${name}`);
  return copy;
}

function copyTree(from: MemoryFileSystem, to: MemoryFileSystem, path: string): void {
  if (isFile(from, path)) {
    const file = to.create(path);
    file.write(from.readFile(path));
    file.syncNow();
    file.close();
  } else {
    to.makeDirectory(path);
    for (const name of from.list(path)) copyTree(from, to, `${path}/${name}`);
  }
  to.syncDirectory(path.slice(0, path.lastIndexOf('/')));
}
