/** What keeps a server from starting with settings that are right each by itself: `varve serve` and `config check` ask. */
import { resolve } from 'node:path';
import type { Settings } from '../config/settings.ts';
import { readTlsPair } from '../server/tls.ts';
import { accessProblem } from './start-access.ts';
import { ruleProblems } from './start-rules.ts';

/** Null when nothing does. Reads the files that the settings name; of the data directory, only whether it has users. */
export function startProblem(settings: Settings, environment: NodeJS.ProcessEnv): string | null {
  return (
    ruleProblems(settings.rules) ?? accessProblem(settings, resolve(settings.data), environment) ?? tlsProblem(settings)
  );
}

function tlsProblem({ 'tls-certificate': certificate, 'tls-key': key }: Settings): string | null {
  if (certificate === undefined || key === undefined) return null;
  try {
    readTlsPair({ certificate, key });
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
