import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { builtInStores } from '../../src/stores/store-types.ts';
import { projectRoot } from '../support/project-root.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const lock: { packages: Record<string, Record<string, unknown>> } = JSON.parse(
  readFileSync(join(projectRoot, 'package-lock.json'), 'utf8'),
);

describe('what the image keeps of node_modules', function () {
  this.timeout(60_000);
  const temp = useTempFolder();

  /** Every package of the lock file, with one file of code and what else comes in packages. */
  const install = (): string => {
    const root = temp();
    for (const name of ['package.json', 'package-lock.json']) {
      writeFileSync(join(root, name), readFileSync(join(projectRoot, name)));
    }
    for (const path of Object.keys(lock.packages)) {
      if (path === '') continue;
      for (const file of ['index.js', 'index.d.ts', 'index.js.map', 'lib/a.test.js', 'test/index.js', 'LICENSE.md']) {
        mkdirSync(dirname(join(root, path, file)), { recursive: true });
        writeFileSync(join(root, path, file), '');
      }
    }
    return root;
  };
  const keep = (root: string, stores: string, extras = '') =>
    spawnSync(process.execPath, [join(projectRoot, 'docker/image/keep-packages.mjs'), stores, extras, root], {
      encoding: 'utf8',
    });
  const has = (root: string, name: string): boolean => existsSync(join(root, 'node_modules', name, 'index.js'));

  it('is what the program itself needs, and no SDK that nobody asked for', () => {
    const root = install();
    assert.equal(keep(root, 'redis').status, 0);
    for (const name of ['ioredis', '@grpc/grpc-js', '@grpc/proto-loader', 'protobufjs', 'zod'])
      assert.ok(has(root, name), name);
    for (const name of [
      'better-sqlite3',
      'pg',
      'mysql2',
      '@aws-sdk',
      '@duckdb',
      'google-auth-library',
      'mocha',
      'typescript',
    ]) {
      assert.ok(!existsSync(join(root, 'node_modules', name)), name);
    }
  });

  it('is the SDKs of the stores and extras that were asked for, with all that these need', () => {
    const root = install();
    assert.equal(keep(root, 'redis, sqlite,dynamodb,postgres', 'duckdb').status, 0);
    for (const name of ['better-sqlite3', '@aws-sdk/client-dynamodb', 'pg', 'pg-protocol', '@duckdb/node-bindings']) {
      assert.ok(has(root, name), name);
    }
    for (const name of ['mysql2', '@aws-sdk/client-s3', 'google-auth-library', 'better-sqlite3-node20']) {
      assert.ok(!has(root, name), name);
    }
    const {
      dependencies,
      devDependencies,
    }: Record<string, Record<string, string>> = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    assert.equal(dependencies?.pg, lock.packages['node_modules/pg']?.version);
    assert.equal(devDependencies, undefined);
  });

  it('is code and licences, without types, source maps and tests', () => {
    const root = install();
    keep(root, 'redis');
    assert.deepEqual(readdirSync(join(root, 'node_modules/ioredis')).sort(), ['LICENSE.md', 'index.js']);
  });

  it('refuses names that it does not know, and says which there are', () => {
    const { status, stderr } = keep(temp(), 'redis,oracle');
    assert.equal(status, 2);
    assert.match(stderr, /STORES names oracle: there are connector, dynamodb, .*sqlite\.\n/);
  });

  it('knows the stores of the program, by the names that feature_store.yaml gives them', () => {
    const { stderr } = keep(temp(), 'none');
    const named = /there are (.*)\.\n/.exec(stderr)?.[1]?.split(', ');
    assert.deepEqual(named, builtInStores.map(({ name }) => name).sort());
  });
});

describe('npm run sbom', function () {
  this.timeout(60_000);

  it('names what is installed for users, shared with development or not, and nothing else', () => {
    const { stdout, status, stderr } = spawnSync(process.execPath, [join(projectRoot, 'scripts/sbom.mjs')], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    const bill: {
      bomFormat: string;
      metadata: { component: { name: string } };
      components: readonly { purl: string; licenses?: unknown }[];
    } = JSON.parse(stdout);
    assert.equal(bill.bomFormat, 'CycloneDX');
    assert.equal(bill.metadata.component.name, 'sideboard');
    const expected = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && dev !== true);
    const versions = new Set(
      expected.map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`),
    );
    const listed = new Set(
      bill.components.map(({ purl }) =>
        decodeURIComponent(purl)
          .replace(/^pkg:npm\//, '')
          .replace(/\?.*$/, ''),
      ),
    );
    const without = (name: string): boolean => !name.startsWith('better-sqlite3');
    assert.deepEqual([...versions].filter((name) => !listed.has(name)).filter(without), []);
    assert.deepEqual([...listed].filter((name) => !versions.has(name)).filter(without), []);
    assert.ok([...listed].some((name) => name.startsWith('protobufjs@')));
  });
});
