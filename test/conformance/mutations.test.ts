import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { extname, join } from 'node:path';
import { projectRoot } from '../support/project-root.ts';
import { mutations } from './mutations.ts';

interface MochaReport {
  readonly passes: readonly { readonly fullTitle: string }[];
  readonly failures: readonly { readonly fullTitle: string; readonly err: { readonly message?: string } }[];
}

const titleOf = (name: string, section = ''): string => `${name} as an online store ${section}`;

describe('the conformance suite', function () {
  this.timeout(240_000);
  let report: MochaReport;

  // Correct stores run all of it; a mutation only the section that must notice it.
  before(() => {
    const wanted = ['nothing wrong', ...mutations.map(({ name, caughtBy }) => titleOf(name, `${caughtBy} `))];
    const extension = extname(import.meta.filename);
    const run = spawnSync(
      process.execPath,
      [
        ...(extension === '.ts' ? ['--import', 'tsx/esm'] : []),
        join(projectRoot, 'node_modules/mocha/bin/mocha.js'),
        ...['--no-config', '--reporter', 'json', '--exit', '--grep', `^(${wanted.map(escaped).join('|')})`],
        join(import.meta.dirname, `mutated-stores${extension}`),
      ],
      { cwd: projectRoot, encoding: 'utf8', maxBuffer: 256 * 1024 * 1024, timeout: 200_000 },
    );
    assert.ok(run.stdout.startsWith('{'), run.stderr);
    report = JSON.parse(run.stdout);
  });

  const failuresOf = (start: string) => report.failures.filter(({ fullTitle }) => fullTitle.startsWith(start));

  it('has nothing to say against stores that are correct', () => {
    const passes = report.passes.filter(({ fullTitle }) => fullTitle.startsWith('nothing wrong'));
    assert.ok(passes.length > 250, `${passes.length} tests passed`);
    assert.deepEqual(
      failuresOf('nothing wrong').map(({ fullTitle, err }) => [fullTitle, err.message]),
      [],
    );
  });

  for (const { name, caughtBy } of mutations) {
    it(`catches ${name} in its section "${caughtBy}"`, () => {
      const failures = failuresOf(titleOf(name, `${caughtBy} `));
      assert.notEqual(failures.length, 0, 'every test passed');
    });
  }

  it('is mutated in every section', () => {
    const start = titleOf('nothing wrong');
    const titles = report.passes.flatMap(({ fullTitle }) => (fullTitle.startsWith(start) ? [fullTitle] : []));
    const untouched = titles.filter(
      (title) => !mutations.some(({ caughtBy }) => title.startsWith(`${start}${caughtBy} `)),
    );
    assert.deepEqual(untouched, []);
  });
});

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
