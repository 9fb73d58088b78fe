/** Whole numbers as decimal digits in a buffer, for all writers of answers: no text is made of them. */

/** Writes a whole number ≥ 0 in decimal and returns the position after it. */
export function writeDigits(bytes: Uint8Array, at: number, value: number): number {
  if (value < 10) {
    bytes[at] = 48 + value;
    return at + 1;
  }
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits++;
  const end = at + digits;
  if (value < 2 ** 31) {
    // Small integers divide several times as fast.
    let small = value | 0;
    for (let p = end - 1; p >= at; p--) {
      const next = (small / 10) | 0;
      bytes[p] = 48 + (small - next * 10);
      small = next;
    }
    return end;
  }
  let rest = value;
  for (let p = end - 1; p >= at; p--) {
    const next = Math.floor(rest / 10);
    bytes[p] = 48 + (rest - next * 10);
    rest = next;
  }
  return end;
}
