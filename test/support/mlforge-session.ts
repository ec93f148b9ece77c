import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { run } from './feast-session.ts';
import { projectRoot } from './project-root.ts';
import { skipBecause } from './skip-because.ts';

const python = join(projectRoot, '.venv', 'mlforge', 'bin', 'python');

/** Skips the tests where mlforge is not installed: it needs Python 3.13, and minutes. */
export function requireMlforge(context: Context): void {
  if (existsSync(python)) return;
  skipBecause(context, 'mlforge is not installed; scripts/setup-mlforge.sh does it where there is a Python 3.13');
}

/** Runs steps of test/interop/mlforge/session.py with real mlforge and returns what each gives. */
export async function mlforgeSession(request: object): Promise<readonly unknown[]> {
  const script = join(projectRoot, 'test', 'interop', 'mlforge', 'session.py');
  const { status, stdout, output } = await run(python, [script], JSON.stringify(request));
  if (status !== 0) throw new Error(`session.py failed with status ${status}:\n${output}`);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as unknown[];
}
