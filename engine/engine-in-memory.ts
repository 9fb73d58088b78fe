/** For tests: an engine over a file system in memory, all of whose work is done on this thread and only when it is asked for. */
import { MemoryFileSystem } from '../disk/memory-file-system.ts';
import { type Engine, openEngine } from './engine.ts';
import type { EngineOptions } from './options.ts';

/** Opens `/data` of a file system of its own, unless the options have another. */
export function openInMemory(options: Partial<EngineOptions> = {}): Promise<Engine> {
  return openEngine({
    dataDir: '/data',
    fs: new MemoryFileSystem(1),
    inline: true,
    reserveBytes: 0,
    flushIntervalMs: 0,
    maintenanceIntervalMs: 0,
    ...options,
  });
}
