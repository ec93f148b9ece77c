import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreCapabilities } from '../../src/stores/online-store.ts';
import { resolveOnlineStore } from '../../src/stores/resolve.ts';
import { builtInStores } from '../../src/stores/store-types.ts';
import { plainSection } from '../support/plain-section.ts';
import { projectRoot } from '../support/project-root.ts';
import { useTempFolder } from '../support/temp-folder.ts';

/** What has no default. */
const requiredKeys: Readonly<Record<string, object>> = {
  connector: { address: '127.0.0.1:50061' },
  dynamodb: { region: 'eu-central-1' },
  postgres: { host: 'localhost', database: 'feast', user: 'feast', password: 'feast' },
  mlforge_dynamodb: { table_name: 'features' },
};

describe('docs/guide/write-semantics.md', () => {
  const folder = useTempFolder();
  const page = readFileSync(join(projectRoot, 'docs/guide/write-semantics.md'), 'utf8');
  const rows = page.split('\n').flatMap((line) => {
    const [, names = '', ...cells] = line.split('|').map((cell) => cell.trim());
    return line.startsWith('| `') ? [{ names: [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name), cells }] : [];
  });

  for (const { name } of builtInStores) {
    for (const { names, cells } of rows.filter((row) => row.names[0] === name || row.names.includes(name))) {
      const settings = names.includes('skip_dedup') ? { skip_dedup: true } : {};
      it(`says which row wins in ${names.join(' with ')}, as ${name} declares it`, async () => {
        const section = plainSection({ type: name, ...requiredKeys[name], ...settings });
        const context = { project: 'p', repoPath: folder(), warn: () => {} };
        const store = await resolveOnlineStore({ type: name, section, context });
        await store.close();
        const [always = '', newestOnly = ''] = cells;
        assert.deepEqual([always.split(',')[0], newestOnly.split(',')[0]], wordsFor(store.capabilities));
      });
    }

    it(`has a row for ${name}`, () => {
      assert.ok(rows.some(({ names }) => names.includes(name)));
    });
  }
});

function wordsFor({ directWrite, keepsNewest, newestOnly, eventTimes }: StoreCapabilities): [string, string] {
  if (!directWrite) return ['takes no rows', ''];
  const always = keepsNewest ? 'newer row wins' : 'last write wins';
  if (eventTimes === false) return [always, 'last write wins'];
  if (newestOnly === true) return [always, 'in the store'];
  return [always, keepsNewest ? 'as without options' : 'read'];
}
