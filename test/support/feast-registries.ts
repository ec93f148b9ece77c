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

export interface FeastRegistryFiles {
  readonly bytes: Readonly<Record<RegistryStep, Buffer>>;
  readonly expected: Readonly<Record<RegistryStep, RegistrySnapshot>>;
}

/** The project of the definitions that {@link writeFeastRegistries} applies. */
export const feastProject = 'interop';

/**
 * Has real Feast write registries, and files with the same beside them.
 * @returns the files, and what they hold, to compare with.
 */
export async function writeFeastRegistries(registries: readonly FeastRegistry[]): Promise<FeastRegistryFiles> {
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
    const bytes = { first: readFileSync(files.first), changed: readFileSync(files.changed) };
    return { bytes, expected: { first: feastSnapshot(bytes.first), changed: feastSnapshot(bytes.changed) } };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param history Whether the earlier versions of views are kept. */
export function feastSnapshot(bytes: Uint8Array, { history = true } = {}): RegistrySnapshot {
  const registry = registryFromBytes(bytes, 'file');
  if (!history) delete registry.featureViewVersionHistory;
  return createRegistrySnapshot(registry, feastProject, 1);
}
