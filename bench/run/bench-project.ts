import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type BenchRedis, startRedis } from '../servers/redis.ts';
import { fillProject, type StoreName, writeProject } from '../workloads/project.ts';
import type { BenchOptions } from './bench-options.ts';

/** The workload project on disk, and the stores that hold its values. */
export interface BenchProject {
  readonly folder: string;
  /** A feature repository per store. */
  readonly repos: Readonly<Record<StoreName, string>>;
  readonly redis: BenchRedis;
  close(): Promise<void>;
}

/** Starts Redis and writes every value into the stores that the options name; into Redis in any case. */
export async function createBenchProject(options: BenchOptions, say: (text: string) => void): Promise<BenchProject> {
  const folder =
    options.project === undefined ? mkdtempSync(join(tmpdir(), 'sideboard-bench-')) : resolve(options.project);
  mkdirSync(folder, { recursive: true });
  const redis = await startRedis(folder, options.redisPort);
  const project: BenchProject = {
    folder,
    repos: { redis: join(folder, 'redis'), sqlite: join(folder, 'sqlite') },
    redis,
    async close() {
      await redis.stop();
      if (options.project === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    writeProject(project.repos.redis, { type: 'redis', connection_string: redis.address });
    rmSync(project.repos.sqlite, { recursive: true, force: true });
    writeProject(project.repos.sqlite, { type: 'sqlite', path: 'online_store.db' });
    for (const store of new Set<StoreName>(['redis', ...options.stores])) {
      const began = Date.now();
      await fillProject(project.repos[store], options.entities);
      say(
        `${options.entities} entities x 250 features written to ${store} in ${Math.round((Date.now() - began) / 100) / 10} s`,
      );
    }
    return project;
  } catch (error) {
    await project.close();
    throw error;
  }
}
