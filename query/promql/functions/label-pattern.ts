/** The patterns and templates of label_replace: compiled once, as dashboards ask for the same ones all day. */
import { RE2JS } from 're2js';
import type { Call } from '../parser/ast.ts';

const KEPT = 256;
const kept = new Map<string, RE2JS | null>();

/** A pattern, to be matched with whole values; null for one that RE2 does not take. */
export function labelPattern(pattern: string): RE2JS | null {
  const known = kept.get(pattern);
  if (known !== undefined) return known;
  let made: RE2JS | null = null;
  try {
    made = RE2JS.compile(pattern, RE2JS.DOTALL);
  } catch {
    // The caller says so.
  }
  if (kept.size >= KEPT) kept.delete(kept.keys().next().value as string);
  kept.set(pattern, made);
  return made;
}

/** Finding groups in a label of usual length takes as long as so many values, per instruction of the pattern. */
const VALUES_PER_INSTRUCTION = 16;

/** About what a call costs per series, in values looked at; 0 for all but label_replace. */
export function patternCost({ func, args }: Call): number {
  const pattern = func.name === 'label_replace' ? args[4] : undefined;
  if (pattern?.type !== 'string') return 0;
  return (labelPattern(pattern.value)?.programSize() ?? 0) * VALUES_PER_INSTRUCTION;
}

/** A piece of a template: a text, or a group's name or number. */
export interface TemplatePart {
  readonly text: string;
  readonly group: string | null;
}

/** `$1`, `${1}`, `$name`, `${name}` and `$$`, as Go's Regexp.Expand reads them: the longest name wins. */
export function templateParts(template: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  let end = 0;
  for (const match of template.matchAll(/\$(?:\$|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu)) {
    parts.push({ text: template.slice(end, match.index), group: null });
    const group = match[1] ?? match[2] ?? null;
    parts.push({ text: group === null ? '$' : '', group });
    end = match.index + match[0].length;
  }
  parts.push({ text: template.slice(end), group: null });
  return parts;
}
