/** How an operation of the HTTP API is described, in a form short enough to be read as a table. */

/** A JSON schema, or the name of one in `schemas.ts`. */
export type Schema = Readonly<Record<string, unknown>> | string;

export interface Parameter {
  readonly name: string;
  readonly description: string;
  /** A string unless given. */
  readonly schema?: Schema;
  readonly required?: boolean;
  /** Required parameters have one, which a test asks a real server with. */
  readonly example?: string;
  /** It may be given several times. */
  readonly isList?: boolean;
}

export interface Answer {
  readonly description: string;
  /** By media type; absent when there is no body. */
  readonly content?: Readonly<Record<string, Schema>>;
}

export interface Operation {
  /** The route's purpose unless given. */
  readonly summary?: string;
  readonly description?: string;
  /** Of the URL; of a form too, where `takesForm`. */
  readonly parameters?: readonly Parameter[];
  readonly takesForm?: boolean;
  /** A body that is no form, by media type. */
  readonly body?: Readonly<Record<string, Schema>>;
  /** By status. What every route answers (who asks is not known, the data is not open yet) is added. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** It works on the database that the request names. */
  readonly takesDatabase?: boolean;
}

/** Operations of a path by method in lower case; `all` stands for methods that are not named. */
export type Operations = Readonly<Partial<Record<'get' | 'post' | 'put' | 'delete' | 'all', Operation>>>;

/** By path, as the route tables spell it. */
export type OperationTable = Readonly<Record<string, Operations>>;

export function parameter(
  name: string,
  description: string,
  rest: Omit<Parameter, 'name' | 'description'> = {},
): Parameter {
  return { name, description, ...rest };
}

export function json(description: string, schema: Schema): Answer {
  return { description, content: { 'application/json': schema } };
}

export function text(description: string, type = 'text/plain'): Answer {
  return { description, content: { [type]: { type: 'string' } } };
}

/** Prometheus' envelope around data. */
export function success(description: string, data: Schema): Answer {
  return json(description, {
    type: 'object',
    required: ['status', 'data'],
    properties: {
      status: { const: 'success' },
      data: typeof data === 'string' ? { $ref: `#/components/schemas/${data}` } : data,
      warnings: { type: 'array', items: { type: 'string' } },
      infos: { type: 'array', items: { type: 'string' } },
    },
  });
}

export const NO_CONTENT: Answer = { description: 'done' };
