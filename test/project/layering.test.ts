import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { projectRoot } from '../support/project-root.ts';

/** The layers from left to right; those of one entry stand beside each other. */
const ranks = [
  ['encoding'],
  ['config', 'registry'],
  ['definitions', 'stores'],
  ['serving', 'ingest'],
  ['transports'],
  ['operations'],
  ['cli'],
] as const;

/** Client libraries and the only folders that may import each of them. */
const clients: Readonly<Record<string, readonly string[]>> = {
  '@grpc/grpc-js': ['transports/grpc', 'registry/remote', 'stores/connector'],
  ioredis: ['stores/redis'],
  '@aws-sdk/client-dynamodb': ['stores/dynamodb'],
  'better-sqlite3': ['stores/sqlite'],
  'better-sqlite3-node20': ['stores/sqlite'],
  '@opentelemetry/api': ['operations/tracing'],
  '@opentelemetry/sdk-trace-base': ['operations/tracing'],
  '@opentelemetry/exporter-trace-otlp-grpc': ['operations/tracing'],
};

const forms = {
  import: (source: string) => `import '${source}';\n`,
  'import type': (source: string) => `import type { Anything } from '${source}';\nexport const it: Anything = 1;\n`,
  'export from': (source: string) => `export * from '${source}';\n`,
  'import()': (source: string) => `await import('${source}');\n`,
} as const;

interface Plant {
  readonly file: string;
  readonly text: string;
  /** What it does, for the test's name. */
  readonly does: string;
}

const layers = ranks.flatMap((names, rank) => names.map((name) => ({ name, rank })));

const forbidden: Plant[] = [
  ...layers.flatMap((from) =>
    layers
      .filter((to) => to.name !== from.name && to.rank >= from.rank)
      .flatMap((to) => [
        plant(`${from.name}/to-${to.name}.ts`, `../${to.name}/x.ts`, `${from.name} imports ${to.name}`),
        plant(`${from.name}/inner/to-${to.name}.ts`, `../../${to.name}/x.ts`, `${from.name}/inner imports ${to.name}`),
      ]),
  ),
  ...layers.map((to) => plant(`root-to-${to.name}.ts`, `./${to.name}/x.ts`, `a file of src imports ${to.name}`)),
  ...['node:fs', 'node:fs/promises', 'node:net', 'node:http2', 'node:child_process', 'node:process'].map((module) =>
    plant(`encoding/${fileName(module)}.ts`, module, `encoding imports ${module}`),
  ),
  ...Object.entries(clients).flatMap(([client, homes]) =>
    [
      ...layers.map(({ name }) => name),
      'stores/redis',
      'stores/sqlite',
      'stores/dynamodb',
      'stores/connector',
      'transports/grpc',
      'registry/remote',
      'transports/http',
      'operations/tracing',
      'operations/calls',
    ]
      .filter((folder) => !homes.includes(folder))
      .map((folder) => plant(`${folder}/client-${fileName(client)}.ts`, client, `${folder} imports ${client}`)),
  ),
  ...['config', 'registry', 'definitions', 'serving', 'ingest', 'transports', 'operations', 'cli'].map((layer) =>
    plant(`conformance/to-${layer}.ts`, `../${layer}/x.ts`, `conformance imports ${layer}`),
  ),
  plant('conformance/sections/to-serving.ts', '../../serving/x.ts', 'a section of conformance imports serving'),
  plant('conformance/mocha.ts', 'mocha', 'conformance imports mocha'),
  plant('encoding/long-way.ts', '../../src/cli/x.ts', 'encoding imports cli the long way round'),
  plant('registry/remote/up.ts', '../../config/x.ts', 'registry/remote imports config'),
  plant('registry/remote/on.ts', '../../definitions/x.ts', 'registry/remote imports definitions'),
  plant('stores/redis/up.ts', '../../serving/x.ts', 'stores/redis imports serving'),
  plant('stores/dynamodb/up.ts', '../../serving/x.ts', 'stores/dynamodb imports serving'),
  plant('stores/connector/up.ts', '../../serving/x.ts', 'stores/connector imports serving'),
  plant('stores/sqlite/up.ts', '../../serving/x.ts', 'stores/sqlite imports serving'),
  plant('transports/grpc/up.ts', '../../operations/x.ts', 'transports/grpc imports operations'),
  plant('operations/tracing/up.ts', '../../cli/x.ts', 'operations/tracing imports cli'),
  ...(['import type', 'export from', 'import()'] as const).map((form) =>
    plant(`serving/form-${fileName(form)}.ts`, '../transports/x.ts', `serving imports transports by ${form}`, form),
  ),
];

const allowed: Plant[] = [
  ...layers.flatMap((from) => [
    ...layers
      .filter((to) => to.rank < from.rank)
      .map((to) => plant(`${from.name}/left-${to.name}.ts`, `../${to.name}/x.ts`, `${from.name} imports ${to.name}`)),
    plant(`${from.name}/errors.ts`, '../errors.ts', `${from.name} imports errors`),
    plant(`${from.name}/gen.ts`, '../../gen/feast/types/Value_pb.ts', `${from.name} imports gen`),
  ]),
  ...Object.entries(clients).flatMap(([client, homes]) =>
    homes.map((home) => plant(`${home}/home-${fileName(client)}.ts`, client, `${home} imports ${client}`)),
  ),
  plant('encoding/buffer.ts', 'node:buffer', 'encoding imports node:buffer'),
  plant('conformance/to-stores.ts', '../stores/x.ts', 'conformance imports stores'),
  plant('conformance/to-encoding.ts', '../encoding/x.ts', 'conformance imports encoding'),
];

describe('layering', function () {
  this.timeout(60_000);
  let folder: string;
  let violations: ReadonlyMap<string, readonly string[]>;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sideboard-layering-'));
    for (const config of ['biome.json', 'biome.layers.json', '.gitignore']) {
      cpSync(join(projectRoot, config), join(folder, config));
    }
    for (const { file, text } of [...forbidden, ...allowed]) {
      write(`src/${file}`, text);
    }
    write('src/stores/circle-a.ts', "import { b } from './circle-b.ts';\nexport const a = () => b;\n");
    write('src/stores/circle-b.ts', "import { a } from './circle-a.ts';\nexport const b = () => a;\n");
    violations = lint(folder);
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const { file, does } of forbidden) {
    it(`fails the lint when ${does}`, () => {
      assert.ok(violations.get(`src/${file}`)?.includes('lint/style/noRestrictedImports'));
    });
  }

  for (const { file, does } of allowed) {
    it(`lets pass when ${does}`, () => {
      assert.equal(violations.get(`src/${file}`), undefined);
    });
  }

  it('fails the lint when two modules import each other', () => {
    assert.ok(violations.get('src/stores/circle-a.ts')?.includes('lint/suspicious/noImportCycles'));
  });

  it('is kept by the sources as they are', () => {
    assert.deepEqual([...lint(projectRoot)], []);
  });

  it('leaves the conformance suite to tests: no source outside it imports it', () => {
    const sources = readdirSync(join(projectRoot, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.startsWith('conformance'))
      .filter((file) => /from '[^']*\/conformance\//.test(readFileSync(join(projectRoot, 'src', file), 'utf8')));
    assert.deepEqual(sources, []);
  });

  function write(file: string, text: string): void {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
});

function plant(file: string, source: string, does: string, form: keyof typeof forms = 'import'): Plant {
  return { file, does, text: forms[form](source) };
}

function fileName(module: string): string {
  return module.replaceAll(/\W+/g, '-');
}

/** The layering rules that files below `src` break, by file. */
function lint(folder: string): ReadonlyMap<string, readonly string[]> {
  const run = spawnSync(
    join(projectRoot, 'node_modules/.bin/biome'),
    [
      'lint',
      '--only=style/noRestrictedImports',
      '--only=suspicious/noImportCycles',
      '--reporter=json',
      '--max-diagnostics=none',
      'src',
    ],
    { cwd: folder, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  assert.ok(run.stdout.startsWith('{'), run.stderr);
  const report: { diagnostics: { category: string; location: { path: string } }[] } = JSON.parse(run.stdout);
  const byFile = new Map<string, string[]>();
  for (const { category, location } of report.diagnostics) {
    byFile.set(location.path, [...(byFile.get(location.path) ?? []), category]);
  }
  return byFile;
}
