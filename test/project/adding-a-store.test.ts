import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { wholeStorage } from '../../src/conformance/index.ts';
import { layOutExample } from '../support/example-project.ts';
import { projectRoot } from '../support/project-root.ts';

const guide = readFileSync(join(projectRoot, 'docs/guide/adding-a-store.md'), 'utf8');
const example = join(projectRoot, 'examples/own-store');

/** The blocks that carry the name of a file, put together in their order. */
const files = new Map<string, string>();
for (const [, file = '', block = ''] of guide.matchAll(/^```\w+ (\S+)\n(.*?)^```$/gms)) {
  files.set(file, (files.get(file) ?? '') + block);
}

describe('docs/guide/adding-a-store.md', () => {
  it('shows the files of the example, whole', () => {
    const shown = [...files.keys()].filter((file) => file !== 'package.json');
    assert.deepEqual(shown, ['feature_store.yaml', 'test/json_file.test.js', 'my_stores/json_file.js', 'rows.jsonl']);
    for (const file of shown) {
      assert.deepEqual(linesOf(files.get(file) ?? ''), linesOf(readFileSync(join(example, file), 'utf8')), file);
    }
  });

  it('names every trait of storage with its default', () => {
    for (const [trait, value] of Object.entries(wholeStorage)) {
      const [, documented] = new RegExp(`^\\| \`${trait}\` \\| \`(.+?)\` \\|`, 'm').exec(guide) ?? [];
      assert.equal(documented, typeof value === 'string' ? `'${value}'` : String(value), trait);
    }
  });
});

describe('the package, installed somewhere else', function () {
  this.timeout(120_000);
  let parent: string;
  let folder: string;

  before(() => {
    parent = mkdtempSync(join(tmpdir(), 'sideboard-package-'));
    folder = join(parent, 'my-features');
    mkdirSync(folder);
    install(folder);
    for (const [file, text] of files) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text);
    }
  });

  after(() => rmSync(parent, { recursive: true, force: true }));

  it('tests the store of the guide', () => {
    const run = spawnSync(
      process.execPath,
      [join(folder, 'node_modules/mocha/bin/mocha.js'), '--reporter', 'dot', 'test/*.test.js'],
      { cwd: folder, encoding: 'utf8' },
    );
    assert.equal(run.status, 0, run.stdout + run.stderr);
    assert.ok(Number(/(\d+) passing/.exec(run.stdout)?.[1]) > 80, run.stdout);
  });

  it('serves from the store of the guide by the commands of the guide', async () => {
    await layOutExample(join(parent, 'example'));
    cpSync(join(parent, 'example/examples/driver_stats'), join(parent, 'driver_stats'), { recursive: true });
    const commands = [...guide.matchAll(/^\$ npx sideboard (.+)$/gm)].map(([, command = '']) => command.split(' '));
    assert.deepEqual(
      commands.map(([name]) => name),
      ['apply', 'write', 'get', 'serve'],
    );
    const cli = join(folder, 'node_modules/sideboard/dist/main.js');
    let stdout = '';
    for (const command of commands.slice(0, -1)) {
      const run = spawnSync(process.execPath, [cli, ...command], { cwd: folder, encoding: 'utf8' });
      assert.equal(run.status, 0, run.stderr);
      stdout = run.stdout;
    }
    assert.match(stdout, /^7 +vehicle +cargo bike +PRESENT .*\n9 +vehicle +- +NOT_FOUND/m);
  });

  it('fails the test of a store with a mistake, and names the section', () => {
    const store = join(folder, 'my_stores/json_file.js');
    const correct = readFileSync(store, 'utf8');
    const wrong = correct.replace('return keys.map((key) =>', 'return keys.toReversed().map((key) =>');
    assert.notEqual(wrong, correct);
    writeFileSync(store, wrong);
    try {
      const run = spawnSync(
        process.execPath,
        [join(folder, 'node_modules/mocha/bin/mocha.js'), '--grep', 'ordering', 'test/*.test.js'],
        { cwd: folder, encoding: 'utf8' },
      );
      assert.notEqual(run.status, 0);
      assert.match(run.stdout, /ordering\s+answers in the order of the keys/);
    } finally {
      writeFileSync(store, correct);
    }
  });

  it('has types that a strict compiler accepts', () => {
    writeFileSync(
      join(folder, 'typed.ts'),
      `import { type OnlineStoreTestOptions, testOnlineStore } from 'sideboard/conformance';
import { type OnlineStore, StoreError } from 'sideboard/stores';
interface Config { readonly port: number }
const options: Omit<OnlineStoreTestOptions<Config>, 'create'> = {
  config: async () => ({ port: 1 }),
  capabilities: {
    readMany: false,
    ttl: false,
    directWrite: true,
    keepsNewest: false,
    feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' },
  },
  storage: { timePrecision: 'second' },
};
export const define = (make: (port: number) => OnlineStore): void => {
  testOnlineStore({ ...options, create: ({ port }, context) => {
    if (context.project === '') throw new StoreError('STORE_FAILED', 'no project');
    return make(port);
  } });
};
`,
    );
    const flags = '--noEmit --strict --exactOptionalPropertyTypes --module node20 --target es2023 --types node'.split(
      ' ',
    );
    const run = spawnSync(
      process.execPath,
      [
        join(projectRoot, 'node_modules/typescript/bin/tsc'),
        ...flags,
        '--typeRoots',
        join(projectRoot, 'node_modules/@types'),
        'typed.ts',
      ],
      { cwd: folder, encoding: 'utf8' },
    );
    assert.equal(run.status, 0, run.stdout + run.stderr);
  });
});

/** As `npm install` would from a registry: the packed files, and the packages that they and the guide ask for. */
function install(folder: string): void {
  assert.ok(existsSync(join(projectRoot, 'dist/conformance.js')), 'run "npm run build" first');
  const packed = execFileSync(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--offline', '--pack-destination', folder],
    { cwd: projectRoot, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
  const home = join(folder, 'node_modules/sideboard');
  mkdirSync(home, { recursive: true });
  execFileSync('tar', ['-xzf', join(folder, filename), '--strip-components=1', '-C', home]);
  const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { dependencies: object };
  for (const name of [...Object.keys(manifest.dependencies), 'mocha']) {
    mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true });
    symlinkSync(join(projectRoot, 'node_modules', name), join(folder, 'node_modules', name));
  }
}

/** Without blank lines: the guide breaks files up between their parts. */
function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}
