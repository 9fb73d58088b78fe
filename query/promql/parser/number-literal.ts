/** The value of a number token: Go's integer literals (0x1F, 0b1, 0o17, 017), decimals with underscores, Inf and NaN. */

/** The number, or the reason why the text is none. */
export function parseNumber(text: string): number | { readonly error: string } {
  const lower = text.toLowerCase();
  if (lower === 'inf') return Infinity;
  if (lower === 'nan') return Number.NaN;
  const digits = lower.replaceAll('_', '');
  if (/^0x[0-9a-f]+$/.test(digits) || /^0[0-7]+$/.test(digits)) {
    const integer = digits.startsWith('0x') ? BigInt(digits) : BigInt(`0o${digits.slice(1)}`);
    if (integer < 1n << 63n) return Number(integer);
    if (digits.startsWith('0x')) return { error: invalid(text) };
  }
  if (!/^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(digits)) return { error: invalid(text) };
  const value = Number(digits);
  if (value === Infinity) return { error: `strconv.ParseFloat: parsing "${text}": value out of range` };
  return value;
}

function invalid(text: string): string {
  return `strconv.ParseFloat: parsing "${text}": invalid syntax`;
}
