/**
 * Go's Sprintf for the values that templates have: verbs v d s q t f F e E g G x X c U b o %, with flags, width and
 * precision. What does not fit is shown in place, as Go does: `%!d(float64=5.5)`, `%!s(MISSING)`, `%!(EXTRA int=1)`.
 */
import { formatExponent, formatGeneral, formatPlain } from '../../query/promql/number-format.ts';
import { quote, quoteRune } from '../../query/promql/parser/token.ts';
import { type GoValue, printValue, typeName } from './value.ts';

const DIRECTIVE = /%([+\-# 0]*)(\*|\d+)?(?:\.(\*|\d*))?(.)?/gsu;

interface Directive {
  flags: string;
  width: number;
  /** -1: none. */
  precision: number;
}

export function sprintf(format: string, args: readonly GoValue[]): string {
  let next = 0;
  const star = (text: string | undefined, absent: number): number => {
    if (text === undefined) return absent;
    if (text === '*') {
      const value = args[next++];
      return typeof value === 'bigint' ? Number(value) : absent;
    }
    return Number(text);
  };
  const out = format.replace(
    DIRECTIVE,
    (_, flags: string, width: string | undefined, precision: string | undefined, verb: string | undefined) => {
      if (verb === undefined) return '%!(NOVERB)';
      if (verb === '%') return '%';
      const directive: Directive = { flags, width: star(width, 0), precision: star(precision, -1) };
      if (directive.width < 0) {
        directive.flags += '-';
        directive.width = -directive.width;
      }
      if (next >= args.length) return `%!${verb}(MISSING)`;
      return formatOne(verb, args[next++], directive);
    },
  );
  if (next >= args.length) return out;
  const extra = args.slice(next).map((arg) => (arg === null ? '<nil>' : `${typeName(arg)}=${printValue(arg)}`));
  return `${out}%!(EXTRA ${extra.join(', ')})`;
}

function formatOne(verb: string, value: GoValue, directive: Directive): string {
  const text = formatValue(verb, value, directive);
  if (text === null) {
    if (value === undefined || value === null) return verb === 'v' ? pad('<nil>', directive) : `%!${verb}(<nil>)`;
    return `%!${verb}(${typeName(value)}=${printValue(value)})`;
  }
  return text;
}

/** Null when the verb does not fit the value. */
function formatValue(verb: string, value: GoValue, directive: Directive): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'number') return formatFloat(verb, value, directive);
  if (typeof value === 'bigint') return formatInteger(verb, value, directive);
  if (typeof value === 'boolean') return verb === 'v' || verb === 't' ? pad(String(value), directive) : null;
  if (typeof value === 'string') return formatString(verb, value, directive);
  return verb === 'v' || verb === 's' ? pad(printValue(value), directive) : null;
}

function formatString(verb: string, value: string, directive: Directive): string | null {
  const { flags, precision } = directive;
  const cut = precision >= 0 ? [...value].slice(0, precision).join('') : value;
  switch (verb) {
    case 'v':
    case 's':
      return pad(cut, directive);
    case 'q':
      return pad(flags.includes('#') && !cut.includes('`') ? `\`${cut}\`` : quote(cut), directive);
    case 'x':
    case 'X': {
      const hex = Buffer.from(cut).toString('hex');
      return pad(verb === 'X' ? hex.toUpperCase() : hex, directive);
    }
  }
  return null;
}

function formatInteger(verb: string, value: bigint, directive: Directive): string | null {
  const magnitude = value < 0n ? -value : value;
  let digits: string;
  switch (verb) {
    case 'v':
    case 'd':
      digits = magnitude.toString();
      break;
    case 'x':
      digits = (directive.flags.includes('#') ? '0x' : '') + magnitude.toString(16);
      break;
    case 'X':
      digits = (directive.flags.includes('#') ? '0X' : '') + magnitude.toString(16).toUpperCase();
      break;
    case 'o':
      digits = magnitude.toString(8);
      break;
    case 'b':
      digits = magnitude.toString(2);
      break;
    case 'c':
      return pad(String.fromCodePoint(Number(value)), directive);
    case 'q':
      return pad(quoteRune(String.fromCodePoint(Number(value))), directive);
    case 'U':
      return pad(`U+${value.toString(16).toUpperCase().padStart(4, '0')}`, directive);
    default:
      return null;
  }
  if (directive.precision >= 0) digits = digits.padStart(directive.precision, '0');
  return padNumber(value < 0n, digits, directive, directive.precision < 0);
}

function formatFloat(verb: string, value: number, directive: Directive): string | null {
  const { precision } = directive;
  const negative = value < 0 || Object.is(value, -0);
  const magnitude = Math.abs(value);
  if (!'vfFeEgG'.includes(verb)) return null;
  if (!Number.isFinite(value)) {
    const plus = directive.flags.includes('+') && Number.isNaN(value) ? '+' : '';
    return pad(plus + formatPlain(value), directive);
  }
  let digits: string;
  switch (verb) {
    case 'f':
    case 'F':
      digits = fixed(magnitude, precision < 0 ? 6 : precision);
      break;
    case 'e':
    case 'E':
      digits = exponent(magnitude, precision < 0 ? 6 : precision);
      break;
    default:
      digits = precision < 0 ? formatGeneral(magnitude) : general(magnitude, precision);
  }
  if (verb === 'E' || verb === 'G') digits = digits.toUpperCase();
  return padNumber(negative, digits, directive, true);
}

function pad(text: string, { flags, width }: Directive): string {
  const missing = width - [...text].length;
  if (missing <= 0) return text;
  return flags.includes('-') ? text + ' '.repeat(missing) : ' '.repeat(missing) + text;
}

function padNumber(negative: boolean, digits: string, directive: Directive, mayFill: boolean): string {
  const { flags, width } = directive;
  const sign = negative ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  if (mayFill && flags.includes('0') && !flags.includes('-')) return sign + digits.padStart(width - sign.length, '0');
  return pad(sign + digits, directive);
}

/**
 * The first digits of a positive number, rounded half to even on its exact decimal value, and its decimal exponent:
 * 0.d1d2d3… × 10^point.
 */
function rounded(value: number, keepOf: (point: number) => number): { digits: string; point: number } {
  const text = value.toExponential(100);
  const cut = text.indexOf('e');
  const all = text.slice(0, cut).replace('.', '');
  let point = Number(text.slice(cut + 1)) + 1;
  const keep = keepOf(point);
  if (keep >= all.length) return { digits: all, point };
  if (keep < 0) return { digits: '', point };
  const rest = all.slice(keep);
  const half = `5${'0'.repeat(rest.length - 1)}`;
  const up = rest > half || (rest === half && keep > 0 && Number(all[keep - 1]) % 2 === 1);
  if (!up) return { digits: all.slice(0, keep), point };
  let digits = (BigInt(`0${all.slice(0, keep)}`) + 1n).toString();
  if (digits.length > keep) {
    point++;
    if (keep > 0) digits = digits.slice(0, keep);
  }
  return { digits: digits.padStart(keep, '0'), point };
}

function fixed(value: number, decimals: number): string {
  if (value >= 1e21) return `${BigInt(value)}${decimals > 0 ? `.${'0'.repeat(decimals)}` : ''}`;
  if (value === 0) return decimals > 0 ? `0.${'0'.repeat(decimals)}` : '0';
  const { digits, point } = rounded(value, (at) => at + decimals);
  // Rounded up from nothing, the one digit stands at the last decimal.
  const all = point <= 0 ? '0'.repeat(-point) + digits : digits;
  const whole = point <= 0 ? '0' : all.slice(0, point).padEnd(point, '0');
  const part = (point <= 0 ? all : all.slice(point)).slice(0, decimals).padEnd(decimals, '0');
  return decimals > 0 ? `${whole}.${part}` : whole;
}

function exponent(value: number, decimals: number): string {
  const zero = value === 0;
  const { digits, point } = zero ? { digits: '', point: 1 } : rounded(value, () => decimals + 1);
  const all = digits.padEnd(decimals + 1, '0');
  const power = point - 1;
  const mantissa = decimals > 0 ? `${all[0]}.${all.slice(1)}` : all[0]!;
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

/** %.Ng: N significant digits, without trailing zeros. */
export function general(value: number, precision: number): string {
  if (!Number.isFinite(value)) return formatPlain(value);
  if (value < 0 || Object.is(value, -0)) return `-${general(-value, precision)}`;
  if (value === 0) return '0';
  const wanted = precision === 0 ? 1 : precision;
  const { digits, point } = rounded(value, () => wanted);
  const short = Number(`0.${digits}e${point}`);
  const power = point - 1;
  return power < -4 || power >= wanted ? formatExponent(short) : formatPlain(short);
}
