/**
 * Numbers as Go prints them, since Prometheus' answers, labels and messages hold them. All of these are the shortest
 * digits that read back as the same double, which is what JavaScript prints too; only the layout differs.
 */

/** Digits and decimal exponent of a finite positive number: 0.d1d2d3… × 10^point. */
function decimal(value: number): { digits: string; point: number } {
  const text = value.toExponential();
  const cut = text.indexOf('e');
  const digits = text.slice(0, cut).replace('.', '');
  return { digits, point: Number(text.slice(cut + 1)) + 1 };
}

function special(value: number): string | null {
  if (Number.isNaN(value)) return 'NaN';
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  return null;
}

/** Without an exponent, like strconv's 'f' with precision -1. */
export function formatPlain(value: number): string {
  const fixed = special(value);
  if (fixed !== null) return fixed;
  const text = `${value}`;
  if (!text.includes('e')) return value === 0 && Object.is(value, -0) ? '-0' : text;
  const sign = value < 0 ? '-' : '';
  const { digits, point } = decimal(Math.abs(value));
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  if (digits.length <= point) return sign + digits + '0'.repeat(point - digits.length);
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** With an exponent of at least two digits, like strconv's 'e' with precision -1. */
export function formatExponent(value: number): string {
  const fixed = special(value);
  if (fixed !== null) return fixed;
  const text = value.toExponential();
  const cut = text.indexOf('e');
  const mantissa = Object.is(value, -0) ? '-0' : text.slice(0, cut);
  return `${mantissa}e${text[cut + 1]}${text.slice(cut + 2).padStart(2, '0')}`;
}

/** Like %g and %v: with an exponent when that is below -4 or at least 6. */
export function formatGeneral(value: number): string {
  const fixed = special(value);
  if (fixed !== null) return fixed;
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const exponent = decimal(Math.abs(value)).point - 1;
  return exponent < -4 || exponent >= 6 ? formatExponent(value) : formatPlain(value);
}

/** Sample values in the HTTP API: plain, with an exponent below 1e-6 and from 1e21. */
export function formatSampleValue(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  const magnitude = Math.abs(value);
  if (magnitude >= 1e-6 && magnitude < 1e21) return `${value}`;
  if (magnitude === 0) return Object.is(value, -0) ? '-0' : '0';
  return formatExponent(value);
}

/** OpenMetrics' canonical float, used for the label of histogram_quantiles(): always a point or an exponent. */
export function formatOpenMetrics(value: number): string {
  const text = formatGeneral(value);
  return /[.eIN]/.test(text) ? text : `${text}.0`;
}
