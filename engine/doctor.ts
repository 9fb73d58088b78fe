/**
 * Checks a data directory that no server has open: every checksum and every cross-reference. Says what is wrong, what
 * is lost with it and what to do; changes nothing unless told to repair, and then only puts damaged files aside.
 */
import { AccessStore } from '../access/access-store.ts';
import type { FileSystem } from '../disk/file-system.ts';
import { VarveError } from '../errors/errors.ts';
import { IndexLog } from '../index/index-log.ts';
import { SeriesIndex } from '../index/series-index.ts';
import { openTsm } from '../tsm/reader.ts';
import { verifyTsm } from '../tsm/verify.ts';
import { readCheckpoint } from '../wal/checkpoint.ts';
import { dumpLog } from '../wal/dump.ts';
import { Catalog, type CatalogEntry } from './catalog.ts';
import { type FileEntry, Manifest } from './manifest.ts';
import { touches } from './merge.ts';
import { describeLoss, quarantine } from './quarantine.ts';
import { SCHEMA_NAME, SchemaFile } from './schema-file.ts';

/** One thing that is wrong. */
export interface Finding {
  /** Path below the data directory. */
  path: string;
  what: string;
  /** Rows that cannot be read because of it, in words; empty when none are. */
  lost: string;
  /** Keys of the series that the rows are of, as far as the file still tells. */
  series: string[];
  remedy: string;
  repaired: boolean;
}

export interface Diagnosis {
  findings: Finding[];
  databases: number;
  files: number;
  rows: number;
  bytes: number;
  logRecords: number;
}

export interface DoctorOptions {
  /** Put damaged data files aside. */
  repair: boolean;
  /** Told of every file before it is read. */
  progress?: (path: string, sizeBytes: number) => void;
}

/** Examines `dataDir`. The caller holds its lock. */
export function examine(fs: FileSystem, dataDir: string, options: DoctorOptions): Diagnosis {
  const diagnosis: Diagnosis = { findings: [], databases: 0, files: 0, rows: 0, bytes: 0, logRecords: 0 };
  let entries: readonly CatalogEntry[] = [];
  try {
    entries = new Catalog(fs, dataDir).entries();
  } catch (error) {
    addFinding(diagnosis, 'CATALOG', error, 'restore CATALOG from a backup; the data in db/ is untouched');
  }
  try {
    new AccessStore(fs, dataDir);
  } catch (error) {
    addFinding(diagnosis, 'ACCESS', error, 'restore ACCESS from a backup, or remove it to begin without users');
  }
  for (const entry of entries) {
    diagnosis.databases++;
    examineDatabase(fs, dataDir, entry, options, diagnosis);
  }
  examineLog(fs, dataDir, diagnosis);
  return diagnosis;
}

function addFinding(diagnosis: Diagnosis, path: string, error: unknown, remedy: string, lost = ''): Finding {
  const finding = { path, what: (error as Error).message, lost, series: [], remedy, repaired: false };
  diagnosis.findings.push(finding);
  return finding;
}

function examineDatabase(
  fs: FileSystem,
  dataDir: string,
  entry: CatalogEntry,
  options: DoctorOptions,
  diagnosis: Diagnosis,
): void {
  const below = `db/${entry.id}`;
  const directory = `${dataDir}/${below}`;
  let manifest: Manifest;
  try {
    manifest = new Manifest(fs, directory, false);
  } catch (error) {
    addFinding(diagnosis, `${below}/MANIFEST`, error, 'restore the database directory from a backup');
    return;
  }
  const index = new SeriesIndex();
  let indexIsSound = true;
  try {
    new IndexLog(index).load(fs, directory, manifest.indexBytes);
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    indexIsSound = false;
    addFinding(diagnosis, `${below}/index.log`, error, 'start the server: it rebuilds the index from the data files');
  }
  try {
    new SchemaFile(fs, directory).load(new SeriesIndex());
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    addFinding(diagnosis, `${below}/${SCHEMA_NAME}`, error, 'start the server: it writes the file anew from the index');
  }
  for (const file of [...manifest.files.values()]) {
    diagnosis.files++;
    diagnosis.rows += file.rows;
    diagnosis.bytes += file.sizeBytes;
    options.progress?.(`${below}/${file.name}`, file.sizeBytes);
    examineFile(fs, directory, below, file, indexIsSound ? index : null, manifest, options, diagnosis);
  }
  manifest.close();
}

/** A data file by itself, against the manifest, and against the index. */
function examineFile(
  fs: FileSystem,
  directory: string,
  below: string,
  entry: FileEntry,
  index: SeriesIndex | null,
  manifest: Manifest,
  options: DoctorOptions,
  diagnosis: Diagnosis,
): void {
  const path = `${directory}/${entry.name}`;
  const problems: string[] = [];
  if (!fs.exists(path)) problems.push(`cannot find ${path}, which the manifest names`);
  else {
    for (const problem of verifyTsm(fs, path)) problems.push(problem.what);
    if (problems.length === 0) problems.push(...contradictions(fs, path, entry, index, manifest));
  }
  if (problems.length === 0) return;
  const finding: Finding = {
    path: `${below}/${entry.name}`,
    what: problems.join('; '),
    lost: describeLoss(entry),
    series: seriesOf(fs, path),
    remedy: 'run again with --repair to put the file aside and serve the rest, or restore it from a backup',
    repaired: false,
  };
  if (options.repair) {
    quarantine(fs, directory, manifest, entry);
    finding.repaired = true;
    finding.remedy = `put aside in ${below}/quarantine; restore it from a backup if there is one`;
  }
  diagnosis.findings.push(finding);
}

/** The series of a damaged file; none when not even that can be read. */
function seriesOf(fs: FileSystem, path: string): string[] {
  try {
    const file = openTsm(fs, path);
    try {
      return [...file.keys()].map(({ key }) => new TextDecoder().decode(key));
    } finally {
      file.close();
    }
  } catch {
    return [];
  }
}

function contradictions(
  fs: FileSystem,
  path: string,
  entry: FileEntry,
  index: SeriesIndex | null,
  manifest: Manifest,
): string[] {
  const file = openTsm(fs, path);
  try {
    const { meta } = file;
    const found: string[] = [];
    for (const key of ['partitionStartSec', 'partitionDurationSec', 'rows', 'values', 'seriesCount'] as const) {
      if (meta[key] !== entry[key]) found.push(`the manifest says ${key} ${entry[key]}, the file ${meta[key]}`);
    }
    if (index === null) return found;
    if (meta.indexEpoch !== index.epoch) found.push(`it is of index ${meta.indexEpoch}, the index is ${index.epoch}`);
    else {
      let wrong = 0;
      // Series that were dropped have left the index; their rows go when the file is rewritten.
      const deleted = new Set<number>();
      for (const tombstone of manifest.tombstones.values()) {
        if (touches(tombstone, entry)) for (const ref of tombstone.refs) deleted.add(ref);
      }
      for (const { ref, key } of file.keys()) {
        if (!index.isLive(ref) && deleted.has(ref)) continue;
        if (!index.isLive(ref) || !sameBytes(index.seriesKey(ref), key)) wrong++;
      }
      if (wrong > 0) found.push(`${wrong} of its series are others, or none, in the index`);
    }
    return found;
  } finally {
    file.close();
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function examineLog(fs: FileSystem, dataDir: string, diagnosis: Diagnosis): void {
  if (readCheckpoint(fs, `${dataDir}/wal`) === null) {
    const what = new Error('it is damaged, so nobody knows from where on the log counts');
    addFinding(diagnosis, 'wal/CHECKPOINT', what, 'start with --wal-recovery=skip, which replays all that is left');
  }
  for (const entry of dumpLog(fs, `${dataDir}/wal`)) {
    if (entry.kind === 'record') diagnosis.logRecords++;
    else if (entry.kind === 'segment' && entry.header === 'bad') {
      const what = new Error(`the header of segment ${entry.segment} is damaged`);
      addFinding(diagnosis, `wal/${entry.segment}`, what, 'start with --wal-recovery=skip, which reports what is lost');
    } else if (entry.kind === 'other' && entry.recordsFollow) {
      const what = new Error(`${entry.sizeBytes} bytes at ${entry.offset} are damaged, and records follow them`);
      addFinding(diagnosis, `wal/${entry.segment}`, what, 'start with --wal-recovery=skip, which reports what is lost');
    }
  }
}
