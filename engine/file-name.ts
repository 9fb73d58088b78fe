/** Name of a data file: its partition's start and its generation, so that a listing sorts by both. */
export function fileName(partitionStartSec: number, generation: number): string {
  const start = partitionStartSec < 0 ? `m${-partitionStartSec}` : `${partitionStartSec}`;
  return `${start}-${generation.toString(16).padStart(8, '0')}.tsm`;
}

/** Generation in a file's name, or null when it is not the name of a data file. */
export function generationOf(name: string): number | null {
  const match = /^m?\d+-([0-9a-f]{8,})\.tsm$/.exec(name);
  return match === null ? null : Number.parseInt(match[1], 16);
}
