import { isAbsolute } from 'node:path';
import { z } from 'zod';
import type { FeatureStoreConfig } from '../config/feature-store-config.ts';

const sqliteSettings = z.looseObject({ path: z.string().default('data/online.db') });

/**
 * The database file of a project that Feast plans tables for, spelled as Feast spells it in the registry: only SQLite with the
 * provider `local`. Nothing for every other store. Feast compares the text, and drops tables that it finds under another one.
 */
export function sqlitePathForFeast({ provider, onlineStore, repoPath }: FeatureStoreConfig): string | undefined {
  if (provider !== 'local' || onlineStore.type !== 'sqlite') return undefined;
  const { path } = onlineStore.section.parse(sqliteSettings);
  // Python's Path drops `.` and empty parts, and keeps `..`.
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  return isAbsolute(path) ? `/${parts.join('/')}` : [repoPath, ...parts].join('/');
}
