import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { registryFromBytes } from '../../src/registry/registry-from-bytes.ts';
import type { RegistrySnapshot } from '../../src/registry/registry-snapshot.ts';
import { createRegistrySnapshot } from '../../src/registry/snapshot-from-proto.ts';
import { run } from './feast-session.ts';
import { projectRoot } from './project-root.ts';

export type RegistryStep = 'first' | 'changed';

export interface FeastRegistry {
  /** The `registry` section. */
  readonly registry: Readonly<Record<string, unknown>>;
  /** What is applied to it, one after the other. */
  readonly steps: readonly RegistryStep[];
}

/** The project of the definitions that {@link writeFeastRegistries} applies. */
export const feastProject = 'interop';

/**
 * Has real Feast write registries, and files with the same beside them.
 * @returns what the files hold, to compare with.
 */
export async function writeFeastRegistries(
  registries: readonly FeastRegistry[],
): Promise<Readonly<Record<RegistryStep, RegistrySnapshot>>> {
  const folder = mkdtempSync(join(tmpdir(), 'sideboard-registries-'));
  try {
    const files = { first: join(folder, 'first.db'), changed: join(folder, 'changed.db') };
    const entries: FeastRegistry[] = [
      { registry: { path: files.first }, steps: ['first'] },
      { registry: { path: files.changed }, steps: ['first', 'changed'] },
      ...registries,
    ];
    const python = join(projectRoot, '.venv', 'feast', 'bin', 'python');
    const script = join(projectRoot, 'test', 'interop', 'feast', 'registries.py');
    const { status, output } = await run(python, [script], JSON.stringify(entries));
    if (status !== 0) throw new Error(`registries.py failed with status ${status}:\n${output}`);
    const snapshot = (file: string): RegistrySnapshot =>
      createRegistrySnapshot(registryFromBytes(readFileSync(file), 'file'), feastProject, 1);
    return { first: snapshot(files.first), changed: snapshot(files.changed) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
