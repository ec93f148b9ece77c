import assert from 'node:assert/strict';
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { askProbe, layVolumes, type PodSurroundings, startPodContainer } from '../support/container/pod.ts';
import { type RunningContainer, startContainer } from '../support/container/runc-container.ts';
import { IMAGE_UID } from '../support/container/served-project.ts';
import { sharedTestImage, type TestImage } from '../support/container/test-image.ts';
import { goldenPath } from '../support/golden.ts';
import { manifestsFrom, type PodSpec, sidecarOf } from '../support/kubernetes/manifests.ts';
import { projectRoot } from '../support/project-root.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { until } from '../support/until.ts';

const PASSWORD = 'a-password-for-the-test';
const CLIENT = join(projectRoot, 'test/support/container/asking-client.mjs');

/**
 * What a kubelet does with a rendered pod, without a cluster. The ports are free ones in place of the chart's, because the network of
 * the machine is shared, and the model is a client that runs in the same image.
 */
describe('the rendered pod, run as a kubelet would', function () {
  this.timeout(600_000);
  let image: TestImage;
  let redis: RedisServer;
  let data: string;
  const running: RunningContainer[] = [];

  before(async function () {
    image = sharedTestImage(this);
    redis = await startRedisServer({
      args: ['--requirepass', PASSWORD, '--appendonly', 'yes'],
      client: { password: PASSWORD },
    });
    data = mkdtempSync(join(image.folder, 'pod-data-'));
    chmodSync(data, 0o755);
    chownSync(data, IMAGE_UID, IMAGE_UID);
    await load();
  });

  after(async () => {
    for (const container of running) container.remove();
    await redis?.remove();
  });

  /** The project of docker/example into Redis, and its registry into `data`. */
  async function load(): Promise<void> {
    const repo = join(image.folder, 'pod-example');
    cpSync(join(projectRoot, 'docker/example'), repo, { recursive: true });
    const commands = [
      ['apply', '--yes'],
      ['materialize', '2026-01-01', '2026-12-31', '--state-dir=/data/state', '--reject-file=/data/rejected.jsonl'],
    ];
    for (const args of commands) {
      const once = startContainer(image.folder, {
        name: `sideboard-pod-${args[0]}-${process.pid}`,
        root: image.root,
        args: [...image.config.Entrypoint, ...args],
        env: [...image.config.Env, `REDIS_ADDRESS=127.0.0.1:${redis.port},password=${PASSWORD}`],
        cwd: '/repo',
        uid: IMAGE_UID,
        gid: IMAGE_UID,
        readOnlyRoot: true,
        mounts: [{ path: '/repo', source: repo, readOnly: true }, { path: '/data', source: data }, { path: '/tmp' }],
      });
      running.push(once);
      assert.equal(await once.ended, 0, once.output());
    }
  }

  for (const render of ['sidecar-native', 'sidecar-socket']) {
    it(`${render}: starts the model when the sidecar has started, stops the model first, loses no call`, async () => {
      const [grpcPort, adminPort] = [await freePort(), await freePort()];
      const text = readFileSync(goldenPath('kubernetes', `${render}.yaml`), 'utf8')
        .replaceAll('50051', String(grpcPort))
        .replaceAll('9090', String(adminPort));
      const pod = podOf(text);
      const sidecar = sidecarOf(pod);
      const model = pod.containers[0];
      assert.ok(model !== undefined);
      const surroundings: PodSurroundings = {
        image,
        configMaps: { 'sideboard-config': { 'feature_store.yaml': configuration(redis.port) } },
        secrets: { REDIS_PASSWORD: PASSWORD },
      };
      const folder = join(image.folder, render);
      mkdirSync(folder);
      const volumes = layVolumes(pod, folder, surroundings);
      const host = ownAddress();
      const started: string[] = [];

      // The store is away at first: the sidecar lives, has not started, and the model waits.
      await redis.stop();
      const server = startPodContainer(pod, sidecar, `sideboard-${render}-${process.pid}`, volumes, surroundings, {
        mounts: [{ path: '/data', source: data, readOnly: true }],
      });
      running.push(server);
      started.push('sidecar');
      await until(
        async () => ((await askProbe(sidecar.livenessProbe, host)) === 200 ? true : undefined),
        server.output,
      );
      assert.equal(await askProbe(sidecar.startupProbe, host), 503);
      await redis.start();
      await until(async () => ((await askProbe(sidecar.startupProbe, host)) === 200 ? true : undefined), server.output);
      assert.equal(await askProbe(sidecar.readinessProbe, host), 200);
      assert.equal(await canConnect(host, grpcPort), false, 'features are for the pod alone');

      const client = startPodContainer(pod, model, `model-${render}-${process.pid}`, volumes, surroundings, {
        args: ['/usr/local/bin/node', '/client/client.mjs'],
        mounts: [{ path: '/client/client.mjs', source: CLIENT, readOnly: true }],
        uid: 1000,
      });
      running.push(client);
      started.push('model');
      await until(() => (client.output().includes('twenty answers') ? true : undefined), client.output);

      const ended: string[] = [];
      const noted = async (container: string, end: Promise<number | null>): Promise<number | null> => {
        const status = await end;
        ended.push(container);
        return status;
      };
      const statuses = Promise.all([noted('sidecar', server.ended), noted('model', client.ended)]);
      client.signal('TERM');
      assert.equal(await client.ended, 0, client.output());
      assert.equal(await askProbe(sidecar.livenessProbe, host), 200);
      const stopped = Date.now();
      server.signal('TERM');
      assert.deepEqual(await statuses, [0, 0], server.output());
      assert.deepEqual(started, ['sidecar', 'model']);
      assert.deepEqual(ended, ['model', 'sidecar']);
      assert.ok(Date.now() - stopped < 10_000);

      const counts: { right: number; wrong: number; failed: number } = JSON.parse(
        client.output().trim().split('\n').at(-1) ?? '',
      );
      assert.ok(counts.right >= 20, client.output());
      assert.deepEqual([counts.wrong, counts.failed], [0, 0]);
      assert.ok(!server.output().includes(PASSWORD));
    });
  }
});

function podOf(text: string): PodSpec {
  const pod = manifestsFrom(text).find(({ kind }) => kind === 'Deployment')?.spec?.template?.spec;
  assert.ok(pod !== undefined);
  return pod;
}

function configuration(port: number): string {
  const example = readFileSync(join(projectRoot, 'docker/example/feature_store.yaml'), 'utf8');
  return (
    example.replace('${' + 'REDIS_ADDRESS}', `127.0.0.1:${port},password=\${REDIS_PASSWORD}`) +
    'sideboard: {registry: {snapshot_path: /var/lib/sideboard/registry.copy}}\n'
  );
}

/** An address of this machine that is not loopback, as a pod's is. */
function ownAddress(): string {
  const found = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4');
  return found?.address ?? '127.0.0.2';
}

function canConnect(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
