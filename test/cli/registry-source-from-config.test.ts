import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { CliError } from '../../src/cli/cli-error.ts';
import { openProjectRegistry } from '../../src/cli/composition.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { registrySourceFromConfig } from '../../src/cli/registry-source-from-config.ts';
import { loadFeatureStoreConfig } from '../../src/config/load-config.ts';
import { RegistryError } from '../../src/registry/registry-error.ts';
import { runCli } from '../support/cli-run.ts';
import { configFromYaml } from '../support/config-from-yaml.ts';
import { goldenPath, readGolden } from '../support/golden.ts';
import { viewsOfDocumentedFile } from '../support/inspected-registry.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const sourceOf = async (registry: string, env: NodeJS.ProcessEnv = {}, more = '') =>
  registrySourceFromConfig(configFromYaml(`project: shop\nregistry:${registry}\n${more}`), env);

describe('the source of a registry', () => {
  /** The forms that stand in Feast's documentation, and a few more. */
  const forms: readonly (readonly [registry: string, name: string | RegExp, env?: NodeJS.ProcessEnv])[] = [
    [' data/registry.db', 'registry file /repo/data/registry.db'],
    [' /remote/data/registry.db', 'registry file /remote/data/registry.db'],
    ['\n  path: registry.pb\n  cache_ttl_seconds: 60', 'registry file /repo/registry.pb'],
    ['\n  registry_store_type: FileRegistryStore\n  path: registry.db', 'registry file /repo/registry.db'],
    [' s3://my-bucket/feast-registry/registry.db', 'registry s3://my-bucket/feast-registry/registry.db'],
    [
      '\n  path: s3://feast/registries/dev\n  s3_additional_kwargs:\n    ServerSideEncryption: AES256',
      'registry s3://feast/registries/dev at http://minio:9000',
      { FEAST_S3_ENDPOINT_URL: 'http://minio:9000' },
    ],
    ['\n  registry_store_type: feast.infra.registry.s3.S3RegistryStore\n  path: s3://b/k', 'registry s3://b/k'],
    [' gs://my-bucket/data/registry.db', 'registry gs://my-bucket/data/registry.db'],
    [' gs://b/o', 'registry gs://b/o at http://localhost:4443', { STORAGE_EMULATOR_HOST: 'localhost:4443' }],
    [' https://features.example/registry.db?v=1', 'registry https://features.example/registry.db'],
    [
      '\n  registry_type: sql\n  path: postgresql://postgres:mysecretpassword@127.0.0.1:55001/feast\n' +
        '  cache_ttl_seconds: 60\n  sqlalchemy_config_kwargs:\n    echo: false\n    pool_pre_ping: true',
      'registry postgresql://127.0.0.1:55001/feast',
    ],
    [
      '\n  registry_type: sql\n  path: postgresql://db:5432/feast\n  schema_mode: verify',
      /postgresql:\/\/db:5432\/feast$/,
    ],
    [
      '\n  registry_type: sql\n  path: mysql+pymysql://w:x@primary/feast\n  read_path: mysql+pymysql://r:y@replica/feast',
      'registry mysql://replica/feast',
    ],
    ['\n  registry_type: sql\n  path: sqlite:///data/registry.db', 'registry sqlite:////repo/data/registry.db'],
    ['\n  registry_type: feast.infra.registry.sql.SqlRegistry\n  path: mysql://h/d', 'registry mysql://h/d'],
    ['\n  registry_type: remote\n  path: localhost:6570', 'registry server localhost:6570'],
    [
      '\n  registry_type: remote\n  path: https://localhost:6570\n  cert: /path/to/cert.pem',
      'registry server localhost:6570',
    ],
    [
      '\n  registry_type: remote\n  path: localhost:8443\n  cert: /path/to/ca.crt\n  client_cert: /path/to/tls.crt\n' +
        '  client_key: /path/to/tls.key\n  authority: feature-registry.example.com',
      'registry server localhost:8443',
    ],
  ];
  for (const [registry, name, env] of forms) {
    it(`is found for registry:${registry.replaceAll(/\s+/g, ' ')}`, async () => {
      const described = (await sourceOf(registry, env)).describe();
      if (typeof name === 'string') assert.equal(described, name);
      else assert.match(described, name);
    });
  }

  it('takes the endpoint of S3 from our own settings first', async () => {
    const more = 'sideboard:\n  registry:\n    s3_endpoint_url: http://127.0.0.1:9000\n';
    const source = await sourceOf(' s3://b/k', { FEAST_S3_ENDPOINT_URL: 'http://minio:9000' }, more);
    assert.equal(source.describe(), 'registry s3://b/k at http://127.0.0.1:9000');
  });

  it('is refused with the line where it stands for what is not read here', async () => {
    for (const registry of [
      ' hdfs://name:9000/registry.pb',
      ' abfss://c@a.dfs.core.windows.net/registry.db',
      '\n  registry_type: snowflake.registry\n  account: a',
      '\n  registry_store_type: my.module.Store\n  path: x',
      '\n  registry_store_type: HDFSRegistryStore\n  path: x',
    ]) {
      await assert.rejects(
        sourceOf(registry),
        (error) =>
          error instanceof CliError && error.code === 'CLI_REGISTRY_NOT_SERVED' && /yaml:\d+: /.test(error.message),
      );
    }
  });

  it('is refused for settings that contradict each other', async () => {
    for (const [registry, more] of [
      ['\n  registry_type: remote\n  path: h:1\n  cert: a\n  client_cert: b', ''],
      ['\n  registry_type: remote\n  path: h:1', 'auth: {type: oidc, client_id: x, client_secret: y}\n'],
      ['\n  registry_type: sql\n  path: oracle://h/d', ''],
      [' s3://bucket-alone', ''],
    ] as const) {
      await assert.rejects(
        sourceOf(registry, {}, more),
        (error) => error instanceof RegistryError && error.code === 'REGISTRY_SETTINGS_INVALID',
      );
    }
  });
});

describe('a project whose registry is elsewhere', () => {
  const folder = useTempFolder();
  const bytes = readGolden('registry', 'kitchen_sink', 'registry.db');
  let server: Server;
  let port: number;

  before(async () => {
    server = createServer((_, response) => response.end(bytes));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    port = address.port;
  });
  after(() => server.close());

  function writeConfig(at: number): string {
    const file = join(folder(), 'feature_store.yaml');
    const lines = [
      'project: kitchen_sink',
      `registry: http://127.0.0.1:${at}/registry.db`,
      'online_store: {type: sqlite, path: online.db}',
      'sideboard: {registry: {snapshot_path: state/registry.copy}}',
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    return file;
  }

  it('is inspected and examined', async () => {
    writeConfig(port);
    const inspected = await runCli(['inspect', '--json', '--repo', folder()]);
    assert.equal(inspected.status, 0, inspected.stderr);
    const { origin, views } = JSON.parse(inspected.stdout) as { origin: string; views: unknown[] };
    assert.deepEqual([origin, views.length], ['source', 16]);
    const doctor = await runCli(['doctor', '--repo', folder()]);
    assert.match(doctor.stdout, /^ok +registry +views: 16, .*last applied [^;]*; from its source, \d+ s old$/m);
    assert.ok(!existsSync(join(folder(), 'state')), 'only serve writes the copy');
  });

  it('is shown from its copy, with its age, while the source is down', async () => {
    const config = await loadFeatureStoreConfig(writeConfig(port), { env: {} });
    const serving = await openProjectRegistry({ config, env: {}, warn: () => {}, refresh: {} });
    await serving.close();
    const copy = join(folder(), 'state', 'registry.copy');
    assert.ok(existsSync(copy));

    // The same source, which nobody answers for any more.
    const down = await new Promise<number>((resolve) => {
      const closed = createServer().listen(0, '127.0.0.1', () => {
        const address = closed.address();
        const free = address !== null && typeof address === 'object' ? address.port : 0;
        closed.close(() => resolve(free));
      });
    });
    writeConfig(down);
    const without = await runCli(['inspect', '--repo', folder()]);
    assert.equal(without.status, exitCodes.registry.code);
    assert.match(
      without.stderr,
      /warning: .*it is of the registry http:.*\nerror REGISTRY_UNREADABLE: .*ECONNREFUSED/s,
    );

    writeFileSync(copy, readFileSync(copy, 'latin1').replace(`127.0.0.1:${port}`, `127.0.0.1:${down}`), 'latin1');
    const inspected = await runCli(['inspect', '--repo', folder()]);
    assert.equal(inspected.status, 0, inspected.stderr);
    assert.match(
      inspected.stdout,
      /^project kitchen_sink, registry of \S+ \(from the copy on disk, \d+ s old, last checked 20\d\d-\S+Z\)/,
    );
    assert.match(inspected.stderr, /^warning: .*ECONNREFUSED.*Serving its copy .*registry\.copy, \d+ s old/m);
    const doctor = await runCli(['doctor', '--repo', folder()]);
    assert.match(doctor.stdout, /^ok +registry .*; from the copy on disk, \d+ s old, last checked 20\d\d-\S+Z$/m);
    assert.match(doctor.stdout, /^warning +registry .*Serving its copy/m);
  });

  it('starts from a file as the documentation of SQL registries writes it', async () => {
    mkdirSync(join(folder(), 'data'));
    copyFileSync(goldenPath('registry', 'sql', 'registry_sql.db'), join(folder(), 'data', 'registry.db'));
    const path = `sqlite:///${join(folder(), 'data', 'registry.db')}`;
    const lines = ['registry:', '  registry_type: sql', `  path: ${path}`, '  cache_ttl_seconds: 60'];
    assert.equal((await viewsOfDocumentedFile('kitchen_sink', lines)).length, 16);
    rmSync(join(folder(), 'data'), { recursive: true });
  });
});
