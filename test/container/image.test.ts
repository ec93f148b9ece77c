import assert from 'node:assert/strict';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type RunningContainer, startContainer } from '../support/container/runc-container.ts';
import { createServedProject, IMAGE_UID, type ServedProject } from '../support/container/served-project.ts';
import { STAND_IN_BASE, sharedTestImage, type TestImage } from '../support/container/test-image.ts';
import { int64 } from '../support/feature-values.ts';
import { createOnlineFeaturesClient } from '../support/online-features-client.ts';
import { until } from '../support/until.ts';

/** Of the image with SQLite, without Node and DuckDB, which are 127 MB and 70 MB by themselves. */
const LARGEST_BYTES = 30e6;

/** Built from docker/Dockerfile on a stand-in for its base image, and run by runc. The official base is not pulled. */
describe('the container image', function () {
  this.timeout(600_000);
  let image: TestImage;
  let project: ServedProject;
  const running: RunningContainer[] = [];

  before(function () {
    image = sharedTestImage(this);
    project = createServedProject(image.folder);
  });

  after(() => {
    for (const container of running) container.remove();
  });

  const start = (name: string, args: readonly string[]): RunningContainer => {
    const { config, folder, root } = image;
    const container = startContainer(folder, {
      name: `sideboard-${name}-${process.pid}`,
      root,
      args: [...config.Entrypoint, ...args],
      env: [...config.Env, 'SIDEBOARD_ADMIN_ADDRESS=127.0.0.1:0'],
      cwd: config.WorkingDir,
      uid: Number(config.User.split(':')[0]),
      gid: Number(config.User.split(':')[1]),
      readOnlyRoot: true,
      mounts: [
        { path: '/repo', source: project.repo, readOnly: true },
        { path: '/data', source: project.data },
      ],
      memoryBytes: 256 * 1024 * 1024,
    });
    running.push(container);
    return container;
  };

  it('names a user without a name of its own on the host, the command, the ports and where it comes from', () => {
    const { User, Entrypoint, Cmd, WorkingDir, ExposedPorts, Labels, Env } = image.config;
    assert.equal(User, `${IMAGE_UID}:${IMAGE_UID}`);
    assert.deepEqual([...Entrypoint, ...Cmd], ['/usr/local/bin/node', '/app/dist/main.js', 'serve']);
    assert.equal(WorkingDir, '/repo');
    assert.deepEqual(Object.keys(ExposedPorts).sort(), ['50051/tcp', '9090/tcp']);
    assert.equal(Labels['org.opencontainers.image.version'], '9.8.7');
    assert.equal(Labels['org.opencontainers.image.licenses'], 'Apache-2.0');
    assert.equal(Labels['org.opencontainers.image.base.name'], STAND_IN_BASE);
    assert.ok(Env.includes('NODE_OPTIONS=--max-semi-space-size=8 --max-old-space-size=512'));
  });

  it('has nothing to install or to log in with: no npm, no yarn, no corepack, no apt, no shell', () => {
    const programs = filesUnder(image.root).filter((file) =>
      /\/(npm|npx|yarn|yarnpkg|corepack|pnpm|apt|apt-get|dpkg|sh|bash|dash|busybox|perl|python3?|curl|wget)$/.test(
        file,
      ),
    );
    assert.deepEqual(programs, []);
    assert.deepEqual(readdirSync(join(image.root, 'usr/local/bin')), ['node']);
  });

  it('has no development dependencies, no clients of stores that were not asked for, no sources and no tests', () => {
    const modules = join(image.root, 'app/node_modules');
    const { devDependencies }: { devDependencies: Record<string, string> } = JSON.parse(
      readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'),
    );
    const installed = readdirSync(modules).flatMap((name) =>
      name.startsWith('@') ? readdirSync(join(modules, name)).map((inner) => `${name}/${inner}`) : [name],
    );
    assert.ok(installed.includes('ioredis') && installed.includes('better-sqlite3'));
    // grpc-js needs the first, EXTRAS=duckdb the second; of the third, a dependency of protobufjs, a manifest is left.
    const needed = ['@grpc/proto-loader', '@duckdb/node-api', '@types/node'];
    const unwanted = Object.keys(devDependencies).filter((name) => !needed.includes(name));
    assert.deepEqual(
      installed.filter((name) => unwanted.includes(name) || name === 'better-sqlite3-node20'),
      [],
    );
    const files = filesUnder(join(image.root, 'app'));
    assert.deepEqual(
      files.filter((file) =>
        /\/(tests?|__tests__)\/|\.test\.[cm]?js$|\/src\/.*(?<!\.d)\.ts$|\.env$/.test(file.replace('/dist/', '/')),
      ),
      [],
    );
  });

  it('holds no secret: no key, no token, no settings of npm, nothing of the machine that built it', () => {
    const files = filesUnder(image.root);
    assert.deepEqual(
      files.filter((file) => /\/(\.npmrc|\.env|\.git|\.aws|\.netrc|id_[a-z0-9]+|.*\.(pem|key|p12))$/.test(file)),
      [],
    );
    assert.deepEqual(image.entries, ['app', 'etc', 'lib', 'lib64', 'repo', 'tmp', 'usr', 'var']);
    assert.ok(image.config.Env.every((variable) => /^(PATH|NODE_ENV|NODE_OPTIONS)=/.test(variable)));
  });

  it('is small, and belongs to root all over: its user can change nothing', () => {
    const files = filesUnder(image.root).map((path) => ({ path, ...lstatSync(join(image.root, path)) }));
    const bytes = (chosen: typeof files): number => chosen.reduce((sum, { size }) => sum + size, 0);
    const large = files.filter(({ path }) => path === '/usr/local/bin/node' || path.includes('/@duckdb/'));
    const rest = bytes(files) - bytes(large);
    assert.ok(rest < LARGEST_BYTES, `${rest} bytes`);
    assert.ok(bytes(large) < 250e6, `${bytes(large)} bytes`);
    assert.deepEqual(
      files.filter(({ uid, mode }) => uid !== 0 || ((mode & 0o022) !== 0 && (mode & 0o170000) === 0o100000)),
      [],
    );
  });

  it('carries a bill of materials that names every package in it', () => {
    const { components }: { components: readonly { name: string; version: string; group?: string }[] } = JSON.parse(
      readFileSync(join(image.root, 'app/sbom.cdx.json'), 'utf8'),
    );
    const listed = new Set(
      components.map(({ group, name, version }) => `${group ? `${group}/` : ''}${name}@${version}`),
    );
    const installed = filesUnder(join(image.root, 'app/node_modules'))
      .filter((file) => /(^|node_modules)\/(@[^/]+\/)?[^/@]+\/package\.json$/.test(file))
      .map(
        (file) =>
          JSON.parse(readFileSync(join(image.root, 'app/node_modules', file), 'utf8')) as {
            name: string;
            version: string;
          },
      );
    assert.ok(installed.length > 50);
    assert.deepEqual(
      installed.map(({ name, version }) => `${name}@${version}`).filter((name) => !listed.has(name)),
      [],
    );
    assert.ok(listed.size <= installed.length + 5, `${listed.size} listed, ${installed.length} installed`);
  });

  it('creates a project, writes into it, serves it as another user on a read-only root, and ends with 0 on SIGTERM', async () => {
    const applied = start('apply', ['apply', '--yes']);
    assert.equal(await applied.ended, 0, applied.output());
    const written = start('write', ['write', 'orders', 'rows.jsonl']);
    assert.equal(await written.ended, 0, written.output());

    const server = start('serve', ['serve', '--grpc-address', '127.0.0.1:0']);
    const address = await until(() => /from sqlite on (127\.0\.0\.1:\d+)/.exec(server.output())?.[1], server.output);
    const client = createOnlineFeaturesClient(address);
    const { columns } = await client.ask({ features: ['orders:count'], entities: { customer_id: [int64(7)] } });
    client.close();
    assert.deepEqual(columns.find(({ name }) => name === 'count')?.values, [{ int64Val: '42' }]);

    const status = statusOfContainer(server);
    assert.deepEqual(status, {
      Uid: `${IMAGE_UID}`.repeat(4),
      CapEff: '0000000000000000',
      CapBnd: '0000000000000000',
      NoNewPrivs: '1',
    });
    server.signal('TERM');
    assert.equal(await server.ended, 0, server.output());
  });

  it('cannot write anywhere but to what is mounted', async () => {
    const script =
      "for (const at of ['/repo/x','/app/x','/tmp/x','/var/lib/sideboard/x','/data/x']) " +
      "try { fs.writeFileSync(at, ''); console.log(at, 'written'); } catch (error) { console.log(at, error.code); }";
    const container = startContainer(image.folder, {
      name: `sideboard-writes-${process.pid}`,
      root: image.root,
      args: ['/usr/local/bin/node', '-e', script],
      env: image.config.Env,
      cwd: '/repo',
      uid: IMAGE_UID,
      gid: IMAGE_UID,
      readOnlyRoot: true,
      mounts: [
        { path: '/repo', source: project.repo, readOnly: true },
        { path: '/data', source: project.data },
      ],
    });
    running.push(container);
    assert.equal(await container.ended, 0);
    assert.deepEqual(container.output().trim().split('\n'), [
      '/repo/x EROFS',
      '/app/x EROFS',
      '/tmp/x EROFS',
      '/var/lib/sideboard/x EROFS',
      '/data/x written',
    ]);
  });
});

/** What the kernel says of the process in a container. */
function statusOfContainer(container: RunningContainer): Record<string, string> {
  const text = readFileSync(`/proc/${container.pid()}/status`, 'utf8');
  return Object.fromEntries(
    ['Uid', 'CapEff', 'CapBnd', 'NoNewPrivs'].map((name) => [
      name,
      (new RegExp(`^${name}:\\t(.*)$`, 'm').exec(text)?.[1] ?? '').replaceAll('\t', ''),
    ]),
  );
}

/** Files and links below a folder, as paths that start with a slash. */
function filesUnder(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      if (entry.isSymbolicLink()) assert.ok(readlinkSync(path) !== '');
      return path.slice(root.length);
    });
}
