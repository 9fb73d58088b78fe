/**
 * Decides when the database stops taking writes because the disk is nearly full, and when it takes them again. The gap
 * between the two keeps it from flapping; the reserve leaves room for the flush and the merges that free space.
 */

/** Free space must exceed the reserve by this factor before writes are taken again. */
const RECOVERY_FACTOR = 1.25;

/**
 * @param freeBytes what an ordinary writer may still write.
 * @param reserveBytes 0 turns the guard off.
 * @param readOnly the decision so far.
 * @returns whether writes are refused from now on.
 */
export function refusesWrites(freeBytes: number, reserveBytes: number, readOnly: boolean): boolean {
  if (reserveBytes === 0) return false;
  return freeBytes < (readOnly ? reserveBytes * RECOVERY_FACTOR : reserveBytes);
}
