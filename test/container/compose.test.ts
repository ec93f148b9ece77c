import assert from 'node:assert/strict';
import { chownSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { freePort } from '../support/container/own-network.ts';
import { type RunningContainer, startContainer } from '../support/container/runc-container.ts';
import { IMAGE_UID } from '../support/container/served-project.ts';
import { sharedTestImage, type TestImage } from '../support/container/test-image.ts';
import { projectRoot } from '../support/project-root.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';

interface Service {
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly read_only: boolean;
  readonly cap_drop: readonly string[];
  readonly depends_on?: Readonly<Record<string, unknown>>;
  readonly ports?: unknown;
}

const file = join(projectRoot, 'docker/compose.yaml');
const { services }: { services: Readonly<Record<string, Service>> } = parse(readFileSync(file, 'utf8'), {
  merge: true,
});

/** The services of docker/compose.yaml one after another under runc, with a Redis of the test's. Compose itself needs a daemon. */
describe('docker/compose.yaml', function () {
  this.timeout(600_000);
  let image: TestImage;
  let redis: RedisServer;
  let data: string;
  const running: RunningContainer[] = [];

  before(async function () {
    image = sharedTestImage(this);
    redis = await startRedisServer();
    data = join(image.folder, 'compose-data');
    mkdirSync(data);
    chownSync(data, IMAGE_UID, IMAGE_UID);
  });

  after(async () => {
    for (const container of running) container.remove();
    await redis?.remove();
  });

  const start = (name: string, ...more: readonly string[]): RunningContainer => {
    const service = services[name];
    assert.ok(service?.read_only && service.cap_drop.includes('ALL'));
    const container = startContainer(image.folder, {
      name: `sideboard-compose-${name}-${process.pid}`,
      root: image.root,
      args: [...(service.entrypoint ?? image.config.Entrypoint), ...(service.command ?? []), ...more],
      env: [
        ...image.config.Env,
        ...Object.entries({ ...service.environment, REDIS_ADDRESS: `127.0.0.1:${redis.port}` }).map((pair) =>
          pair.join('='),
        ),
        'SIDEBOARD_ADMIN_ADDRESS=127.0.0.1:0',
      ],
      cwd: image.config.WorkingDir,
      uid: IMAGE_UID,
      gid: IMAGE_UID,
      readOnlyRoot: true,
      mounts: [
        ...service.volumes.map((volume) => {
          const [source = '', path = ''] = volume.split(':');
          return {
            path,
            source: source === 'registry' ? data : resolve(dirname(file), source),
            readOnly: volume.endsWith(':ro'),
          };
        }),
        ...(name === 'materialize' ? [{ path: '/tmp' }] : []),
      ],
    });
    running.push(container);
    return container;
  };

  it('applies, materializes and serves, one behind the other, and publishes no port', () => {
    const needs = (name: string): string[] => Object.keys(services[name]?.depends_on ?? {});
    assert.deepEqual(needs('apply'), ['volume', 'redis']);
    assert.deepEqual(needs('materialize'), ['apply']);
    assert.deepEqual(needs('serve'), ['materialize']);
    assert.deepEqual(
      Object.values(services).filter(({ ports }) => ports !== undefined),
      [],
    );
  });

  it('answers from Redis what stands in the CSV', async () => {
    for (const name of ['apply', 'materialize']) {
      const once = start(name);
      assert.equal(await once.ended, 0, once.output());
    }
    const address = `127.0.0.1:${await freePort()}`;
    // `docker compose run` does not wait until the service serves.
    const ask = start('ask', address);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const server = start('serve', '--grpc-address', address);
    assert.equal(await ask.ended, 0, ask.output());
    assert.deepEqual(ask.output().trim().split('\n'), [
      'driver_id 1001 (PRESENT)  1 (PRESENT)',
      'rating 4.8 (PRESENT)  - (NOT_FOUND)',
      'trips 15 (PRESENT)  - (NOT_FOUND)',
      'city Lyon (PRESENT)  - (NOT_FOUND)',
    ]);
    server.signal('TERM');
    assert.equal(await server.ended, 0);
  });
});
