/**
 * Statements parsed lately, by their texts: dashboards ask the same again and again. Statements are never changed once made,
 * and what they mean by now() is decided when they run, so one tree does for all runs.
 *
 * Only texts that consist of SELECTs are kept: others are rare, and may hold passwords.
 */
import type { Statement } from '../ast.ts';
import { parseStatements } from './parser.ts';

const MOST_TEXTS = 64;
const LONGEST_TEXT = 4_096;

/** In the order in which they were last asked for. */
const kept = new Map<string, readonly Statement[]>();

/** As `parseStatements`. */
export function parsedStatements(text: string): readonly Statement[] {
  const known = kept.get(text);
  if (known !== undefined) {
    kept.delete(text);
    kept.set(text, known);
    return known;
  }
  const statements = parseStatements(text);
  if (text.length <= LONGEST_TEXT && statements.every(({ kind }) => kind === 'select')) {
    kept.set(text, statements);
    if (kept.size > MOST_TEXTS) kept.delete(kept.keys().next().value!);
  }
  return statements;
}
