/** The Python interpreter that has what tests compare with: $VARVE_PYTHON, or the one on the PATH. */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export function python(): string {
  return process.env.VARVE_PYTHON ?? 'python3';
}

/** Whether it has a module; where it has not, says how to get it, and throws when peers are required. */
export function havePythonModule(module: string): boolean {
  try {
    execFileSync(python(), ['-c', `import ${module}`], { stdio: 'ignore' });
    return true;
  } catch {
    const hint = `pip install ${module.replaceAll('_', '-')}, or name another interpreter with VARVE_PYTHON`;
    const message = `${python()} has no module ${module} (${hint})`;
    if (process.env.VARVE_REQUIRE_PEERS === '1') throw new Error(message);
    console.warn(`skipped: ${message}`);
    return false;
  }
}

/** Runs a script to its end; what it printed. */
export async function runPython(...args: string[]): Promise<string> {
  return (await run(python(), args, { maxBuffer: 64 << 20 })).stdout;
}
