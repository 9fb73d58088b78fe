/**
 * Values for the `$name`s of a query: what the `params` of a request say, as the tokens that take their places.
 *
 * A value is a number, a string or a boolean, or an object with one entry that names its kind: identifier, regex,
 * string, float, integer or duration. A value that is none of these is an error only where it is used; the text of the
 * error then stands in the token, where InfluxDB has it, too.
 */
import { VarveError } from '../../../errors/errors.ts';
import { formatDuration } from './duration.ts';
import type { TokenKind } from './token.ts';

export interface BoundToken {
  readonly kind: TokenKind;
  readonly text: string;
}

export type Parameters = ReadonlyMap<string, BoundToken>;

export const NO_PARAMETERS: Parameters = new Map();

/** A number as it was written: integers are told from floats by the dot. */
class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Bound =
  | string
  | boolean
  | bigint
  | number
  | null
  | JsonNumber
  | readonly Bound[]
  | { readonly [key: string]: Bound };

/** Reads the `params` of a request, a JSON object. Throws `bad_request` with InfluxDB's text. */
export function parseParameters(json: string): Parameters {
  const values = parseObject(json);
  const parameters = new Map<string, BoundToken>();
  for (const [name, value] of Object.entries(values)) parameters.set(name, bind(topLevel(value)));
  return parameters;
}

function parseObject(json: string): Record<string, Bound> {
  let parsed: unknown;
  try {
    const reviver = (_key: string, value: unknown, context?: { source?: string }) =>
      typeof value === 'number' ? new JsonNumber(context?.source ?? String(value)) : value;
    parsed = JSON.parse(json, reviver as (key: string, value: unknown) => unknown);
  } catch (error) {
    throw new VarveError('bad_request', `error parsing query parameters: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (parsed === null) return {};
  if (typeof parsed !== 'object' || Array.isArray(parsed) || parsed instanceof JsonNumber) {
    const kind = Array.isArray(parsed) ? 'array' : parsed instanceof JsonNumber ? 'number' : typeof parsed;
    throw new VarveError(
      'bad_request',
      `error parsing query parameters: json: cannot unmarshal ${kind === 'boolean' ? 'bool' : kind} into Go value of type map[string]interface {}`,
    );
  }
  return parsed as Record<string, Bound>;
}

/** Numbers beside the names are read at once, so that what is wrong with one is told even if it is not used. */
function topLevel(value: Bound): Bound {
  if (!(value instanceof JsonNumber)) return value;
  try {
    return numberOf(value);
  } catch (error) {
    throw new VarveError('bad_request', `error parsing json value: ${(error as Error).message}`, { cause: error });
  }
}

function numberOf({ text }: JsonNumber): number | bigint {
  if (text.includes('.')) return Number(text);
  if (!/^-?\d+$/.test(text)) throw new Error(`strconv.ParseInt: parsing "${text}": invalid syntax`);
  const integer = BigInt(text);
  if (BigInt.asIntN(64, integer) !== integer) {
    throw new Error(`strconv.ParseInt: parsing "${text}": value out of range`);
  }
  return integer;
}

function bind(value: Bound): BoundToken {
  if (typeof value === 'number') return { kind: 'number', text: decimalOf(value) };
  if (typeof value === 'bigint') return { kind: 'integer', text: String(value) };
  if (typeof value === 'string') return { kind: 'string', text: value };
  if (typeof value === 'boolean') return { kind: value ? 'TRUE' : 'FALSE', text: '' };
  if (value === null) return invalid('unable to bind parameter with type <nil>');
  if (Array.isArray(value)) return invalid('unable to bind parameter with type []interface {}');
  return bindObject(value as Record<string, Bound>);
}

function bindObject(object: Record<string, Bound>): BoundToken {
  const entries = Object.entries(object);
  if (entries.length !== 1) return invalid('bound object parameter value must have exactly one entry');
  const kind = entries[0][0];
  let value = entries[0][1];
  if (value instanceof JsonNumber) {
    try {
      value = numberOf(value);
    } catch (error) {
      return invalid((error as Error).message);
    }
  }
  switch (kind) {
    case 'ident':
    case 'identifier':
      return textual(value, 'identifier', 'identifier must be a string value');
    case 'regex':
      return textual(value, 'regex', 'regex literal must be a string value');
    case 'string':
      return textual(value, 'string', 'string literal must be a string value');
    case 'float':
    case 'number':
      if (typeof value === 'number' || typeof value === 'bigint')
        return { kind: 'number', text: decimalOf(Number(value)) };
      return invalid('number literal must be a float value');
    case 'int':
    case 'integer':
      if (typeof value === 'bigint') return { kind: 'integer', text: String(value) };
      return invalid('integer literal must be an integer value');
    case 'duration':
      if (typeof value === 'bigint') return { kind: 'duration', text: formatDuration(value) };
      return textual(value, 'duration', 'duration literal must be a string or integer value');
    default:
      return invalid(`unknown bind object type: ${kind}`);
  }
}

function textual(value: Bound, kind: TokenKind, otherwise: string): BoundToken {
  return typeof value === 'string' ? { kind, text: value } : invalid(otherwise);
}

/** Without an exponent. */
function decimalOf(value: number): string {
  const text = String(value);
  if (!text.includes('e')) return text;
  const [mantissa, exponent] = text.split('e');
  const [whole, fraction = ''] = mantissa.replace('-', '').split('.');
  const sign = mantissa.startsWith('-') ? '-' : '';
  const point = whole.length + Number(exponent);
  const digits = whole + fraction;
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return `${sign}${digits.padEnd(point, '0').slice(0, point)}${digits.length > point ? `.${digits.slice(point)}` : ''}`;
}

/** A parameter that stays one, with the error for its name. */
function invalid(message: string): BoundToken {
  return { kind: 'parameter', text: message };
}
