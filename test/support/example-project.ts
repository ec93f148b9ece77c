import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { runCli } from './cli-run.ts';
import { projectRoot } from './project-root.ts';

const EXAMPLE = 'examples/driver_stats';
const MADE = /\.(?:db|db-wal|db-shm|db\.lock|loaded)$/;
let made: Promise<string> | undefined;

/**
 * Lays out the example project as it is after `make example`: `feature_store.yaml` and `examples/driver_stats`, with a registry and
 * an online store that Sideboard applied and materialized from its definitions. What somebody made in the work tree stays out.
 * @param folder an existing folder, which gets both
 */
export async function layOutExample(folder: string): Promise<void> {
  made ??= makeExample();
  cpSync(await made, folder, { recursive: true });
}

/** The commands by which the Makefile makes the example, as words behind `sideboard`. */
export function exampleCommands(): readonly (readonly string[])[] {
  const makefile = readFileSync(join(projectRoot, 'Makefile'), 'utf8');
  const [, recipe = ''] = /^\$\(EXAMPLE_LOADED\):(.*?)^$/ms.exec(makefile) ?? [];
  return [...recipe.matchAll(/^\t@\$\(SIDEBOARD\) (.+)$/gm)].map(([, words = '']) => words.split(' '));
}

/** Lays out what is committed of the example. */
export function layOutExampleSources(folder: string): void {
  cpSync(join(projectRoot, 'feature_store.yaml'), join(folder, 'feature_store.yaml'));
  const isSource = (file: string) => !MADE.test(basename(file));
  cpSync(join(projectRoot, EXAMPLE), join(folder, EXAMPLE), { recursive: true, filter: isSource });
}

async function makeExample(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'sideboard-example-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  layOutExampleSources(folder);
  for (const command of exampleCommands()) {
    const { status, stderr } = await runCli([...command, '--repo', folder]);
    assert.equal(status, 0, stderr);
  }
  return folder;
}
