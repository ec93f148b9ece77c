import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { run } from './feast-session.ts';
import { projectRoot } from './project-root.ts';
import { skipBecause } from './skip-because.ts';

const programs = join(projectRoot, '.venv', 'feast-spark', 'bin');

/** Skips the tests where Feast with Spark is not installed: it takes minutes, a gigabyte and Java. */
export function requireFeastSpark(context: Context): void {
  if (existsSync(join(programs, 'feast')) && spawnSync('java', ['-version']).status === 0) return;
  skipBecause(
    context,
    'Feast with Spark is not installed; scripts/setup-feast-spark.sh does it where there is a Java 17',
  );
}

/** Runs `python` or `feast` of that environment in a folder. @returns what it printed */
export async function runFeastSpark(program: 'python' | 'feast', cwd: string, ...args: string[]): Promise<string> {
  // Spark's workers would otherwise be the system's Python.
  const env = { PYSPARK_PYTHON: join(programs, 'python') };
  const { status, output } = await run(join(programs, program), args, '', { cwd, env });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed with status ${status}:\n${output}`);
  return output;
}
