import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../support/project-root.ts';

/** What `npm run build` has made. */
describe('the files in dist/', () => {
  const dist = join(projectRoot, 'dist');
  const sources = readdirSync(dist)
    .filter((name) => name.endsWith('.js.map'))
    .flatMap((name) => (JSON.parse(readFileSync(join(dist, name), 'utf8')) as { sources: string[] }).sources);

  it('lead back to the sources, each of which is in one of them', () => {
    const own = sources.filter((path) => !path.includes('node_modules/'));
    assert.ok(own.includes('../src/cli/main.ts'));
    assert.ok(own.every((path) => /^\.\.\/(?:src|gen)\/.*\.ts$/.test(path)));
    assert.deepEqual([...new Set(own)].sort(), own.sort());
  });

  it('hold no package of others whose licence they do not name', () => {
    const packages = new Set(sources.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []));
    const notices = readFileSync(join(dist, 'THIRD_PARTY_NOTICES.txt'), 'utf8');
    const named = [...notices.matchAll(/^(\S+) \d+\.\d+\.\d+ \(\(?[\w.-]+/gm)].map(([, name]) => name);
    assert.deepEqual(named.sort(), [...packages].sort());
    assert.ok(packages.size > 0);
    for (const holder of ['Google Inc.', 'Buf Technologies', 'Eemeli Aro', 'Colin McDonnell']) {
      assert.ok(notices.includes(holder), holder);
    }
  });
});
