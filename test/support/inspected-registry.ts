import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from './cli-run.ts';

/**
 * Names of the views that `sideboard inspect` finds for a `feature_store.yaml` in the form in which Feast's documentation
 * writes it.
 * @param registry The lines of the `registry` key.
 */
export async function viewsOfDocumentedFile(
  project: string,
  registry: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<readonly string[]> {
  const repo = mkdtempSync(join(tmpdir(), 'sideboard-documented-'));
  try {
    const lines = [
      `project: ${project}`,
      'provider: local',
      ...registry,
      'online_store:',
      '  type: sqlite',
      '  path: data/online_store.db',
      'offline_store:',
      '  type: dask',
      'entity_key_serialization_version: 3',
    ];
    writeFileSync(join(repo, 'feature_store.yaml'), `${lines.join('\n')}\n`);
    const { status, stdout, stderr } = await runCli(['inspect', '--json', '--repo', repo], { env });
    assert.equal(status, 0, stderr);
    const { views } = JSON.parse(stdout) as { views: { name: string }[] };
    return views.map(({ name }) => name).sort();
  } finally {
    rmSync(repo, { recursive: true, force: true });
  }
}
