import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadFeatureStoreConfig } from '../../src/config/load-config.ts';
import { testOnlineStore } from '../../src/conformance/index.ts';
import { resolveOnlineStore } from '../../src/stores/resolve.ts';
import { plainSection } from '../support/plain-section.ts';
import { projectRoot } from '../support/project-root.ts';

const example = join(projectRoot, 'examples', 'own-store');
const type = 'my_stores.json_file.JsonFileOnlineStore';

describe("the example of a user's own store", () => {
  before(() => {
    const built = existsSync(join(projectRoot, 'dist', 'stores.js'));
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

  testOnlineStore({
    name: 'The example',
    config: {},
    create: (_config, context) => {
      const section = plainSection({ type, path: join(context.repoPath, 'online.json') });
      return resolveOnlineStore({ type, section, context: { ...context, repoPath: example } });
    },
    capabilities: {
      readMany: false,
      ttl: false,
      directWrite: true,
      keepsNewest: false,
      newestOnly: true,
      feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' },
    },
    storage: { createdTimes: false },
  });
});
