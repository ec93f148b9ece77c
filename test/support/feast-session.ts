import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { projectRoot } from './project-root.ts';
import { skipBecause } from './skip-because.ts';

/** A request in the form that test/interop/feast/session.py reads. Integers are INT64 entity values, texts STRING ones. */
export interface FeastRequest {
  readonly features?: readonly string[];
  readonly service?: string;
  readonly entities: Readonly<Record<string, readonly (number | string)[]>>;
  readonly full_feature_names?: boolean;
}

/** Exit status of scripts/setup-feast.sh where there is no Python 3.10. */
const NO_PYTHON = 3;

/** Installs Feast where it is not there yet; skips the tests only where there is no Python that could run it. */
export async function requireFeast(context: Context): Promise<void> {
  const { status, output } = await run(join(projectRoot, 'scripts', 'setup-feast.sh'), []);
  if (status === 0) return;
  if (status === NO_PYTHON && process.env.CI === undefined) {
    skipBecause(context, 'no Python 3.10 or newer with venv is installed, which Feast needs');
  }
  throw new Error(`scripts/setup-feast.sh failed with status ${status}:\n${output}`);
}

/** Runs a command of test/interop/feast/session.py with real Feast and returns what it prints. */
export async function feastSession<T>(command: string, target: string, requests?: readonly FeastRequest[]): Promise<T> {
  const python = join(projectRoot, '.venv', 'feast', 'bin', 'python');
  const script = join(projectRoot, 'test', 'interop', 'feast', 'session.py');
  const { status, stdout, output } = await run(python, [script, command, target], JSON.stringify(requests ?? null));
  if (status !== 0) throw new Error(`session.py ${command} failed with status ${status}:\n${output}`);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as T;
}

/** Runs a program to its end with a text on its standard input, at the top of the project unless `place` names another folder. */
export async function run(
  program: string,
  args: readonly string[],
  input = '',
  place: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<{ status: number | null; stdout: string; output: string }> {
  const { cwd = projectRoot, env } = place;
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  let stdout = '';
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  // A program that ends early closes its input: its status says why.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout, output };
}
