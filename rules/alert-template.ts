/**
 * Labels and annotations of alerts from their templates.
 *
 * What alert templates can say without writing it: `$labels`, `$externalLabels`, `$externalURL` and `$value`. A failure
 * becomes the text itself, `<error expanding template: …>`: an alert with a bad summary is better than none.
 *
 * Templates run synchronously; one that queries is suspended at the query, which is answered here, and run again from
 * the start with the answer at hand. That gives the same text, since all queries of an evaluation are for one instant.
 */
import type { Labels } from '../query/promql/labels.ts';
import { executeTemplate, TemplateSuspension } from './template/execute.ts';
import { parseTemplate, type Template } from './template/parser.ts';
import { type GoSample, type GoStruct, stringMap } from './template/value.ts';

const DEFINITIONS =
  '{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}';

/** The text that is parsed for a label or annotation. */
export function alertTemplateText(text: string): string {
  return DEFINITIONS + text;
}

/** A label set with its value: one element of an instant query's result. */
export interface VectorSample {
  readonly labels: Labels;
  readonly value: number;
}

export type InstantQuery = (query: string) => Promise<readonly VectorSample[]>;

export interface ExpansionContext {
  /** Name of the alert. */
  readonly alert: string;
  readonly externalLabels: readonly (readonly [string, string])[];
  readonly externalUrl: string;
  readonly nowMs: number;
  readonly query: InstantQuery;
}

/** A template may query this often, so that a loop of them ends. */
const MAX_QUERIES = 200;

/** The texts of parsed templates are few and used at every evaluation. */
const parsed = new Map<string, Template>();
const MAX_PARSED = 10_000;

/** Expands one text for one sample of the alert's expression. Never throws for what the template does. */
export async function expandAlertTemplate(
  text: string,
  sample: VectorSample,
  context: ExpansionContext,
): Promise<string> {
  if (!text.includes('{{')) return text;
  const name = `__alert_${context.alert}`;
  let template: Template;
  try {
    template = parseOnce(name, alertTemplateText(text));
  } catch (error) {
    return failed(`error parsing template ${name}: ${(error as Error).message}`);
  }
  try {
    return await run(template, sample, context);
  } catch (error) {
    return failed(`error executing template ${name}: ${(error as Error).message}`);
  }
}

function failed(message: string): string {
  return `<error expanding template: ${message}>`;
}

function parseOnce(name: string, text: string): Template {
  const key = `${name}\u0000${text}`;
  const known = parsed.get(key);
  if (known !== undefined) return known;
  const template = parseTemplate(name, text);
  if (parsed.size >= MAX_PARSED) parsed.clear();
  parsed.set(key, template);
  return template;
}

class NeedsQuery extends TemplateSuspension {
  readonly query: string;

  constructor(query: string) {
    super('a query has to be answered first');
    this.query = query;
  }
}

async function run(template: Template, sample: VectorSample, context: ExpansionContext): Promise<string> {
  const answers = new Map<string, GoSample[] | Error>();
  const environment = {
    externalUrl: context.externalUrl,
    nowMs: context.nowMs,
    query(query: string): GoSample[] {
      const answer = answers.get(query);
      if (answer === undefined) throw new NeedsQuery(query);
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  const data = templateData(sample, context);
  while (answers.size <= MAX_QUERIES) {
    try {
      return executeTemplate(template, data, environment);
    } catch (error) {
      if (!(error instanceof NeedsQuery)) throw error;
      answers.set(error.query, await answer(error.query, context));
    }
  }
  throw new Error(`a template may make ${MAX_QUERIES} queries at most`);
}

async function answer(query: string, context: ExpansionContext): Promise<GoSample[] | Error> {
  try {
    const vector = await context.query(query);
    return vector.map(({ labels, value }) => ({ kind: 'sample', labels: stringMap(pairsOf(labels)), value }));
  } catch (error) {
    return error as Error;
  }
}

function pairsOf({ names, values }: Labels): [string, string][] {
  return names.map((name, i) => [name, values[i]!]);
}

function templateData({ labels, value }: VectorSample, context: ExpansionContext): GoStruct {
  return {
    kind: 'struct',
    typeName:
      'struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }',
    fields: {
      Labels: stringMap(pairsOf(labels)),
      ExternalLabels: stringMap(context.externalLabels),
      ExternalURL: context.externalUrl,
      Value: value,
    },
  };
}
