import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadFeatureStoreConfig } from '../../src/config/load-config.ts';
import { resolveOnlineStore } from '../../src/stores/resolve.ts';
import { describeOnlineStore } from '../conformance/online-store-suite.ts';
import { plainSection } from '../support/plain-section.ts';
import { projectRoot } from '../support/project-root.ts';

const example = join(projectRoot, 'examples', 'own-store');
const type = 'my_stores.json_file.JsonFileOnlineStore';

describe("the example of a user's own store", () => {
  before(() => {
    const built = existsSync(join(projectRoot, 'dist', 'src', 'stores', 'index.js'));
    assert.ok(built, 'The example imports sideboard/stores, which is the built package: run "npm run build" first.');
  });

  it('is what its feature_store.yaml names, and warns that it is alpha', async () => {
    const { onlineStore, project } = await loadFeatureStoreConfig(join(example, 'feature_store.yaml'));
    assert.equal(onlineStore.type, type);
    const warnings: string[] = [];
    const context = { project, repoPath: example, warn: (message: string) => warnings.push(message) };
    const store = await resolveOnlineStore({ type, section: onlineStore.section, context });
    assert.deepEqual([store.capabilities.readMany, store.capabilities.directWrite], [false, true]);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /alpha/);
    await store.close();
  });

  let folder = '';
  describeOnlineStore('The example', {
    async open() {
      folder = mkdtempSync(join(tmpdir(), 'sideboard-own-store-'));
      const section = plainSection({ type, path: join(folder, 'online.json') });
      return resolveOnlineStore({ type, section, context: { project: 'p', repoPath: example, warn: () => {} } });
    },
    async dispose() {
      rmSync(folder, { recursive: true, force: true });
    },
  });
});
