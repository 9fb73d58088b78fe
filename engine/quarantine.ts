/**
 * Damaged files are put aside, never deleted: they may still be read in part by a later version, or restored.
 */
import type { FileSystem } from '../disk/file-system.ts';
import type { FileEntry, Manifest } from './manifest.ts';

/** Folder of a database's directory that damaged files are moved to. */
export const QUARANTINE = 'quarantine';

/** Takes a file out of the manifest and moves it aside, if it is there at all. */
export function quarantine(fs: FileSystem, directory: string, manifest: Manifest, entry: FileEntry): void {
  manifest.commit({ remove: [entry.name] });
  const path = `${directory}/${entry.name}`;
  if (!fs.exists(path)) return;
  fs.makeDirectory(`${directory}/${QUARANTINE}`);
  fs.rename(path, `${directory}/${QUARANTINE}/${entry.name}`);
  fs.syncDirectory(directory);
}

/** What goes missing with a file, in words. */
export function describeLoss(entry: FileEntry): string {
  const time = (offsetNs: number) =>
    new Date(entry.partitionStartSec * 1000 + Math.floor(offsetNs / 1e6)).toISOString();
  const { rows, seriesCount, minOffsetNs, maxOffsetNs } = entry;
  return `${rows} rows of ${seriesCount} series from ${time(minOffsetNs)} to ${time(maxOffsetNs)}`;
}
