/**
 * Brings the index of a database back: from its own log, or, when that is damaged or shorter than the files rely on,
 * from the series keys and fields that every data file carries.
 */
import type { FileSystem } from '../disk/file-system.ts';
import { VarveError } from '../errors/errors.ts';
import { INDEX_LOG_NAME, IndexLog } from '../index/index-log.ts';
import { SeriesIndex } from '../index/series-index.ts';
import type { FileCache } from './file-cache.ts';
import type { Manifest } from './manifest.ts';
import type { Log } from './options.ts';
import { QUARANTINE } from './quarantine.ts';

const encoder = new TextEncoder();

export interface LoadedIndex {
  index: SeriesIndex;
  indexLog: IndexLog;
}

export function loadIndex(
  fs: FileSystem,
  directory: string,
  manifest: Manifest,
  files: FileCache,
  log: Log,
): LoadedIndex {
  const index = new SeriesIndex();
  const indexLog = new IndexLog(index);
  try {
    indexLog.load(fs, directory, manifest.indexBytes);
    return { index, indexLog };
  } catch (error) {
    if (!(error instanceof VarveError && error.code === 'corrupt')) throw error;
    log('error', `${error.message}; rebuilding the index from ${manifest.files.size} data files`);
  }
  return rebuild(fs, directory, manifest, files);
}

/** Keeps the damaged log beside the data, and writes a new one from what the files say. */
function rebuild(fs: FileSystem, directory: string, manifest: Manifest, files: FileCache): LoadedIndex {
  const index = new SeriesIndex();
  const newestFirst = [...manifest.files.values()].sort((a, b) => b.generation - a.generation);
  const seen = new Set<number>();
  for (const { name } of newestFirst) {
    const file = files.get(name);
    index.epoch = file.meta.indexEpoch;
    for (const { ref, key } of file.keys()) {
      // A ref may have meant another series in an older file that is about to be dropped: the newest file knows best.
      if (!seen.has(ref)) index.restoreSeries(ref, key);
      seen.add(ref);
      let shape = index.rootShape(index.measurementOf(ref));
      for (const field of file.fieldsOf(ref)) {
        const bytes = encoder.encode(field.name);
        shape = index.transition(shape, bytes, 0, bytes.length, field.type);
      }
      index.noteShape(ref, shape.id);
    }
    files.trim();
  }
  if (fs.exists(`${directory}/${INDEX_LOG_NAME}`)) {
    fs.makeDirectory(`${directory}/${QUARANTINE}`);
    fs.rename(`${directory}/${INDEX_LOG_NAME}`, `${directory}/${QUARANTINE}/${INDEX_LOG_NAME}`);
  }
  const indexLog = new IndexLog(index);
  indexLog.saveBase(fs, directory);
  manifest.commit({ indexBytes: indexLog.sizeBytes });
  return { index, indexLog };
}
