import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  SqliteOnlineStore,
  SqliteOnlineStoreConfig,
  SqliteOnlineStoreSettings,
} from '../../../src/stores/sqlite/sqlite-online-store.ts';
import { describeOnlineStore } from '../../conformance/online-store-suite.ts';

for (const [name, config, settings] of [
  ['SQLite', {}, {}],
  ['SQLite in another time zone', {}, { timezone: 'Asia/Kolkata' }],
  ['SQLite without write-ahead logging', { enable_openai_compatible_store: true }, { journal_mode: 'keep' }],
] as const) {
  let folder = '';
  describeOnlineStore(name, {
    async open() {
      folder = mkdtempSync(join(tmpdir(), 'sideboard-sqlite-'));
      return new SqliteOnlineStore(
        SqliteOnlineStoreConfig.parse(config),
        { project: 'conformance', repoPath: folder, warn: () => {} },
        SqliteOnlineStoreSettings.parse(settings),
      );
    },
    async dispose() {
      rmSync(folder, { recursive: true, force: true });
    },
  });
}
