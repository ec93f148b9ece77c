import assert from 'node:assert/strict';
import { chmodSync, chownSync, cpSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../project-root.ts';
import { type RedisServer, startRedisServer } from '../redis-server.ts';
import { startContainer } from './runc-container.ts';
import { IMAGE_UID } from './served-project.ts';
import type { TestImage } from './test-image.ts';

/** The project of docker/example, as pods of a test serve it. */
export interface LoadedExample {
  /** With a password, and with what drivers.csv holds. */
  readonly redis: RedisServer;
  readonly password: string;
  /** Folder with `registry.db`. */
  readonly data: string;
}

/** Loads the project by the image's own commands. Its Redis is the caller's to remove. */
export async function loadExample(image: TestImage): Promise<LoadedExample> {
  const password = 'a-password-for-the-test';
  const redis = await startRedisServer({
    args: ['--requirepass', password, '--appendonly', 'yes'],
    client: { password },
  });
  const data = mkdtempSync(join(image.folder, 'example-data-'));
  chmodSync(data, 0o755);
  chownSync(data, IMAGE_UID, IMAGE_UID);
  const repo = mkdtempSync(join(image.folder, 'example-'));
  chmodSync(repo, 0o755);
  cpSync(join(projectRoot, 'docker/example'), repo, { recursive: true });
  const commands = [
    ['apply', '--yes'],
    ['materialize', '2026-01-01', '2026-12-31', '--state-dir=/data/state', '--reject-file=/data/rejected.jsonl'],
  ];
  for (const args of commands) {
    const once = startContainer(image.folder, {
      name: `sideboard-example-${args[0]}-${process.pid}-${redis.port}`,
      root: image.root,
      args: [...image.config.Entrypoint, ...args],
      env: [...image.config.Env, `REDIS_ADDRESS=127.0.0.1:${redis.port},password=${password}`],
      cwd: '/repo',
      uid: IMAGE_UID,
      gid: IMAGE_UID,
      readOnlyRoot: true,
      mounts: [{ path: '/repo', source: repo, readOnly: true }, { path: '/data', source: data }, { path: '/tmp' }],
    });
    try {
      assert.equal(await once.ended, 0, once.output());
    } catch (error) {
      await redis.remove();
      throw error;
    } finally {
      once.remove();
    }
  }
  return { redis, password, data };
}

/** A `feature_store.yaml` that serves it, from the registry in `/data`. @param more sections under `sideboard` */
export function exampleConfiguration({ redis }: LoadedExample, more = ''): string {
  const example = readFileSync(join(projectRoot, 'docker/example/feature_store.yaml'), 'utf8');
  return `${example.replace('${' + 'REDIS_ADDRESS}', `127.0.0.1:${redis.port},password=\${REDIS_PASSWORD}`)}${more}`;
}
