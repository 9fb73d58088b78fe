/**
 * Puts the settings together: a flag wins over the environment, that over the file, that over the default.
 *
 * All that is wrong is reported at once, each with where it stands: `varve.yml:12: merge-rate: give a size, …`.
 */
import { readFileSync } from 'node:fs';
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { environmentName, SETTING_NAMES, SETTINGS, type SettingName, type Settings } from './settings.ts';

export type Origin = 'flag' | 'environment' | 'file' | 'default';

export interface Resolved {
  values: Settings;
  origins: Record<SettingName, Origin>;
  /** As a person would write each value. */
  texts: Record<SettingName, string>;
  /** Non-empty: the values are not to be used. */
  problems: string[];
}

/** A value as it was given, and where. */
interface Given {
  value: unknown;
  place: string;
}

/** What a configuration file gives: values by name, and what is wrong with the file itself. */
interface FileContent {
  given: Map<string, Given>;
  problems: string[];
}

/**
 * @param flags values of the command line, by name; lists as arrays of texts.
 * @param environment such as process.env; variables of other names that begin with VARVE_ are not looked at.
 * @param path of the configuration file, null without.
 */
export function resolveSettings(
  flags: Readonly<Partial<Record<SettingName, unknown>>>,
  environment: Readonly<Record<string, string | undefined>>,
  path: string | null,
): Resolved {
  const file: FileContent = path === null ? { given: new Map(), problems: [] } : readSettingsFile(path);
  const problems = [...file.problems];
  const values: Record<string, unknown> = {};
  const origins: Record<string, Origin> = {};
  const texts: Record<string, string> = {};
  for (const name of SETTING_NAMES) {
    const { kind, fallback, fallbackText } = SETTINGS[name];
    const variable = environment[environmentName(name)];
    let origin: Origin = 'default';
    let given: Given = { value: fallback, place: '' };
    if (flags[name] !== undefined) {
      origin = 'flag';
      given = { value: flags[name], place: `--${name}` };
    } else if (variable !== undefined && variable !== '') {
      origin = 'environment';
      given = { value: kind.isList ? variable.split(',') : variable, place: environmentName(name) };
    } else if (file.given.has(name)) {
      origin = 'file';
      given = file.given.get(name)!;
    }
    origins[name] = origin;
    texts[name] = origin === 'default' ? fallbackText : textOf(given.value);
    if (given.value === null) {
      values[name] = undefined;
      continue;
    }
    const result = kind.type.safeParse(given.value);
    if (result.success) values[name] = result.data;
    else
      problems.push(`${given.place}: ${adviceOf(result.error.issues, kind.isList)} (it says '${textOf(given.value)}')`);
  }
  return { values: values as Settings, origins, texts, problems } as Resolved;
}

interface Issue {
  readonly code?: string | undefined;
  readonly message: string;
  readonly errors?: readonly (readonly Issue[])[];
}

/** The advice of our own kinds; where a file has a map or a list instead of a value, that it is no value. */
function adviceOf(issues: readonly Issue[], isList: boolean): string {
  for (const issue of issues) {
    if (issue.code === 'custom') return issue.message;
    for (const branch of issue.errors ?? []) {
      const advice = branch.find(({ code }) => code === 'custom');
      if (advice !== undefined) return advice.message;
    }
  }
  return isList ? 'give a value, or a list of values' : 'give one value';
}

/** Without passwords of URLs. */
function textOf(value: unknown): string {
  const isPlainList = Array.isArray(value) && value.length > 0;
  const text = isPlainList ? value.join(', ') : typeof value === 'object' ? JSON.stringify(value) : `${value}`;
  // The last @ is the one before the host.
  return text.replace(/\/\/[^/\s]*@/g, '//');
}

function readSettingsFile(path: string): FileContent {
  const given = new Map<string, Given>();
  let source: string;
  try {
    source = readFileSync(path, 'utf8');
  } catch (error) {
    return { given, problems: [`cannot read ${path}: ${(error as Error).message}`] };
  }
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => `${path}:${lines.linePos(offset).line}`;
  if (document.errors.length > 0) {
    return { given, problems: document.errors.map((error) => `${at(error.pos[0])}: ${error.message}`) };
  }
  const { contents } = document;
  if (contents === null) return { given, problems: [] };
  if (!isMap(contents)) return { given, problems: [`${path}:1: give settings as NAME: VALUE`] };
  const problems: string[] = [];
  for (const { key, value } of contents.items) {
    const offset = (key as { range?: number[] | null } | null)?.range?.[0] ?? 0;
    const name = isScalar(key) ? String(key.value) : '';
    const place = `${at(offset)}: ${name}`;
    let plain: unknown;
    try {
      plain = (value as { toJS?(document: unknown): unknown } | null)?.toJS?.(document) ?? null;
    } catch (error) {
      problems.push(`${place}: ${(error as Error).message}`);
      continue;
    }
    if (!Object.hasOwn(SETTINGS, name)) problems.push(`${at(offset)}: there is no setting '${name}'${nearest(name)}`);
    else if (plain === null) problems.push(`${place}: give a value`);
    else given.set(name, { value: plain, place });
  }
  return { given, problems };
}

/** "; is it 'listen'?" for a name that is a few letters off. */
function nearest(name: string): string {
  let best = '';
  let least = 3;
  for (const known of SETTING_NAMES) {
    const distance = editDistance(name, known, least);
    if (distance < least) {
      least = distance;
      best = known;
    }
  }
  return best === '' ? '' : `; is it '${best}'?`;
}

/** Letters to add, drop or replace; `limit` when it is that many or more. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return Math.min(limit, row[b.length]);
}
