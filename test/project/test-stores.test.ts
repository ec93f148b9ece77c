import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { builtInStores } from '../../src/stores/store-types.ts';
import { projectRoot } from '../support/project-root.ts';

describe('the tests of stores', () => {
  const folder = join(projectRoot, 'test/stores');
  const suites = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => ({ name, text: readFileSync(join(folder, name, `${name}-conformance.test.ts`), 'utf8') }));

  for (const { name, className } of builtInStores) {
    it(`run the conformance suite on ${name}`, () => {
      const create = new RegExp(`new ${className}\\(`);
      assert.ok(suites.some(({ text }) => text.includes('testOnlineStore') && create.test(text)));
    });
  }

  it('are chosen by STORES, whose names are checked', () => {
    const run = spawnSync(process.execPath, [join(projectRoot, 'scripts/test-stores.mjs')], {
      encoding: 'utf8',
      env: { ...process.env, STORES: 'sqlite,nothing' },
    });
    assert.equal(run.status, 2);
    assert.match(run.stderr, /STORES names nothing: there are tests of .*redis.*sqlite/);
  });

  it('are run by make test-store-NAME', () => {
    const makefile = readFileSync(join(projectRoot, 'Makefile'), 'utf8');
    const recipe = [
      '@STORES=$* node scripts/test-stores.mjs --check',
      '@$(MAKE) --no-print-directory servers',
      '@STORES=$* npm run --silent test:stores',
    ];
    assert.deepEqual(/^test-store-%:.*\n((?:\t.*\n)+)/m.exec(makefile)?.[1], `\t${recipe.join('\n\t')}\n`);
  });

  it('refuse a name that is wrong before anything is built or installed', () => {
    const run = spawnSync(process.execPath, [join(projectRoot, 'scripts/test-stores.mjs'), '--check'], {
      encoding: 'utf8',
      env: { ...process.env, STORES: 'redis, sqlite' },
    });
    assert.deepEqual([run.status, run.stdout, run.stderr], [0, '', '']);
    const { scripts } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    assert.equal(scripts['test:stores'], 'node scripts/test-stores.mjs');
  });
});
