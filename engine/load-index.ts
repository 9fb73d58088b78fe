/**
 * Brings the index of a database back: from its own log, or, when that is damaged or shorter than the files rely on,
 * from the series keys and fields that every data file carries.
 *
 * A rebuild has two halves, with the replay of the write-ahead log between them:
 *
 *   1. Ids of shapes and fields come from `schema`, series from the files, so that rows in the log find what they name.
 *   2. After the replay the series get the fields that the files have of them. That may make shapes, whose ids must
 *      not be those of shapes that the log defines. Then the index is saved.
 *
 * A crash before the end finds no index log, and starts over.
 */
import type { FileSystem } from '../disk/file-system.ts';
import { VarveError } from '../errors/errors.ts';
import { INDEX_LOG_NAME, IndexLog } from '../index/index-log.ts';
import { SeriesIndex } from '../index/series-index.ts';
import type { TsmFile } from '../tsm/reader.ts';
import type { FileCache } from './file-cache.ts';
import type { Manifest } from './manifest.ts';
import type { Log } from './options.ts';
import { QUARANTINE } from './quarantine.ts';
import type { SchemaFile } from './schema-file.ts';

const encoder = new TextEncoder();

export interface LoadedIndex {
  index: SeriesIndex;
  indexLog: IndexLog;
  /** The second half of a rebuild, to be called after the replay; until then nothing of the index may be saved. */
  finish: (() => void) | null;
}

export function loadIndex(
  fs: FileSystem,
  directory: string,
  manifest: Manifest,
  files: FileCache,
  schema: SchemaFile,
  log: Log,
): LoadedIndex {
  const index = new SeriesIndex();
  const indexLog = new IndexLog(index);
  try {
    indexLog.load(fs, directory, manifest.indexBytes);
    return { index, indexLog, finish: null };
  } catch (error) {
    if (!(error instanceof VarveError && error.code === 'corrupt')) throw error;
    log('error', `${error.message}; rebuilding the index from ${manifest.files.size} data files`);
  }
  return rebuild(fs, directory, manifest, files, schema, log);
}

/** Keeps the damaged log beside the data, and makes an index from what the files say. */
function rebuild(
  fs: FileSystem,
  directory: string,
  manifest: Manifest,
  files: FileCache,
  schema: SchemaFile,
  log: Log,
): LoadedIndex {
  const index = new SeriesIndex();
  try {
    if (!schema.load(index)) log('warn', `there is no schema in ${directory}: shapes get new ids`);
  } catch (error) {
    if (!(error instanceof VarveError && error.code === 'corrupt')) throw error;
    log('error', `${error.message}; shapes get new ids`);
  }
  const newestFirst = [...manifest.files.values()].sort((a, b) => b.generation - a.generation);
  const seen = new Set<number>();
  for (const { name } of newestFirst) {
    files.look(name, (file) => {
      index.epoch = file.meta.indexEpoch;
      for (const { ref, key } of file.keys()) {
        // A ref may have meant another series in an older file that is about to be dropped: the newest file knows best.
        if (!seen.has(ref)) index.restoreSeries(ref, key);
        seen.add(ref);
      }
    });
  }
  if (fs.exists(`${directory}/${INDEX_LOG_NAME}`)) {
    // A file to be missed: without the manifest expecting some length, an absent log would pass for a new database.
    if (manifest.indexBytes === 0) manifest.commit({ indexBytes: 1 });
    fs.makeDirectory(`${directory}/${QUARANTINE}`);
    fs.rename(`${directory}/${INDEX_LOG_NAME}`, `${directory}/${QUARANTINE}/${INDEX_LOG_NAME}`);
    fs.syncDirectory(directory);
  }
  const indexLog = new IndexLog(index);
  const finish = () => {
    for (const { name } of newestFirst) {
      if (manifest.files.has(name)) files.look(name, (file) => noteFields(index, file));
    }
    indexLog.saveBase(fs, directory);
    manifest.commit({ indexBytes: indexLog.sizeBytes });
  };
  return { index, indexLog, finish };
}

/** Tells the index of the fields that the series of a file have. */
function noteFields(index: SeriesIndex, file: TsmFile): void {
  for (const { ref } of file.keys()) {
    if (!index.isLive(ref)) continue;
    let shape = index.rootShape(index.measurementOf(ref));
    for (const field of file.fieldsOf(ref)) {
      const bytes = encoder.encode(field.name);
      shape = index.transition(shape, bytes, 0, bytes.length, field.type);
    }
    index.noteShape(ref, shape.id);
  }
}
