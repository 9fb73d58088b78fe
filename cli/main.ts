#!/usr/bin/env node
/**
 * The entry point. It looks at Node's version, and sets what has to be set before the rest of the program is loaded:
 * - Node's cache of compiled code, which halves the time to start. Worker threads learn of it by the environment.
 * - No objects are made in the old generation because earlier ones of their place in the code lived long. Those of
 *   requests would be, and keep alive what they point to until the old generation is collected; that takes more time than
 *   is saved.
 * - The old generation is collected when it has used most of the room that V8 gives it. Without this, V8 begins as soon as
 *   there is less room than the young generation is large, which in a small heap is always: twice a second under load.
 */
import * as nodeModule from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { EXIT_FAILURE } from './exit-codes.ts';
import { nodeProblem } from './node-version.ts';

const problem = nodeProblem(process.versions.node);
if (problem !== null) {
  process.stderr.write(`${problem}\n`);
  process.exit(EXIT_FAILURE);
}

setFlagsFromString('--no-allocation-site-pretenuring');
setFlagsFromString('--incremental-marking-soft-trigger=80');
setFlagsFromString('--incremental-marking-hard-trigger=95');
nodeModule.enableCompileCache();
process.env.NODE_COMPILE_CACHE ??= nodeModule.getCompileCacheDir() ?? '';
await (await import('./program.ts')).runProgram();
