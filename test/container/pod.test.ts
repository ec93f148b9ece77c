import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { exampleConfiguration, type LoadedExample, loadExample } from '../support/container/loaded-example.ts';
import { canConnect, freePort, ownAddress } from '../support/container/own-network.ts';
import { askProbe, layVolumes, type PodSurroundings, startPodContainer } from '../support/container/pod.ts';
import type { RunningContainer } from '../support/container/runc-container.ts';
import { sharedTestImage, type TestImage } from '../support/container/test-image.ts';
import { int64 } from '../support/feature-values.ts';
import { goldenPath } from '../support/golden.ts';
import { tlsSettings } from '../support/kubernetes/chart-cases.ts';
import { manifestsFrom, type PodSpec, sidecarOf } from '../support/kubernetes/manifests.ts';
import { createOnlineFeaturesClient, refusalOf } from '../support/online-features-client.ts';
import { projectRoot } from '../support/project-root.ts';
import { TestAuthority } from '../support/tls-certificates.ts';
import { until } from '../support/until.ts';

const SNAPSHOT = 'sideboard: {registry: {snapshot_path: /var/lib/sideboard/registry.copy}}\n';
/** By which clients ask for the pods of a headless Service. */
const NAME = 'features-sideboard.ml';
const CLIENT = join(projectRoot, 'test/support/container/asking-client.mjs');

/**
 * What a kubelet does with a rendered pod, without a cluster. The ports are free ones in place of the chart's, because the network of
 * the machine is shared, and the model is a client that runs in the same image.
 */
describe('the rendered pod, run as a kubelet would', function () {
  this.timeout(600_000);
  let image: TestImage;
  let example: LoadedExample;
  const running: RunningContainer[] = [];

  before(async function () {
    image = sharedTestImage(this);
    example = await loadExample(image);
  });

  after(async () => {
    for (const container of running) container.remove();
    await example?.redis.remove();
  });

  /** A recorded render with ports that are free here. */
  const withPorts = (render: string, grpcPort: number, adminPort: number): PodSpec =>
    podOf(
      readFileSync(goldenPath('kubernetes', `${render}.yaml`), 'utf8')
        .replaceAll('50051', String(grpcPort))
        .replaceAll('9090', String(adminPort)),
    );

  for (const render of ['sidecar-native', 'sidecar-socket']) {
    it(`${render}: starts the model when the sidecar has started, stops the model first, loses no call`, async () => {
      const [grpcPort, adminPort] = [await freePort(), await freePort()];
      const { redis, password, data } = example;
      const pod = withPorts(render, grpcPort, adminPort);
      const sidecar = sidecarOf(pod);
      const model = pod.containers[0];
      assert.ok(model !== undefined);
      const surroundings: PodSurroundings = {
        image,
        files: { 'sideboard-config': { 'feature_store.yaml': exampleConfiguration(example, SNAPSHOT) } },
        secrets: { REDIS_PASSWORD: password },
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
      assert.ok(!server.output().includes(password));
    });
  }

  it('standalone: answers other machines by TLS, those with a certificate of its authority, and nobody else', async () => {
    const [grpcPort, adminPort] = [await freePort(), await freePort()];
    const folder = join(image.folder, 'standalone');
    mkdirSync(folder);
    const authority = new TestAuthority(folder);
    const host = ownAddress();
    const server = authority.issue({ names: `DNS:${NAME}` });
    const client = authority.issue({ names: 'DNS:model' });
    const pod = withPorts('standalone', grpcPort, adminPort);
    const surroundings: PodSurroundings = {
      image,
      files: {
        'sideboard-config': { 'feature_store.yaml': exampleConfiguration(example, tlsSettings) },
        'sideboard-tls': {
          'tls.crt': readFileSync(server.cert, 'utf8'),
          'tls.key': readFileSync(server.key, 'utf8'),
          'ca.crt': authority.certificate.toString(),
        },
      },
      secrets: { REDIS_PASSWORD: example.password },
    };
    const volumes = layVolumes(pod, folder, surroundings);
    const container = sidecarOf(pod);
    const serving = startPodContainer(pod, container, `standalone-${process.pid}`, volumes, surroundings, {
      mounts: [{ path: '/data', source: example.data, readOnly: true }],
    });
    running.push(serving);
    const { output } = serving;
    await until(async () => ((await askProbe(container.startupProbe, host)) === 200 ? true : undefined), output);

    const ask = { service: 'ranking', entities: { driver_id: [int64(1001)] } };
    const connect = (...own: readonly (Buffer | null)[]) =>
      createOnlineFeaturesClient(
        `${host}:${grpcPort}`,
        { 'grpc.use_local_subchannel_pool': 1, 'grpc.ssl_target_name_override': NAME },
        { channel: credentials.createSsl(authority.certificate, ...own) },
      );
    const known = connect(readFileSync(client.key), readFileSync(client.cert));
    const stranger = connect();
    try {
      const { columns } = await known.ask(ask);
      assert.deepEqual(columns.find(({ name }) => name === 'trips')?.values, [{ int64Val: '15' }]);
      assert.equal((await refusalOf(stranger.ask(ask))).status, 'UNAVAILABLE');
    } finally {
      known.close();
      stranger.close();
    }
    serving.signal('TERM');
    assert.equal(await serving.ended, 0, output());
  });
});

function podOf(text: string): PodSpec {
  const pod = manifestsFrom(text).find(({ kind }) => kind === 'Deployment')?.spec?.template?.spec;
  assert.ok(pod !== undefined);
  return pod;
}
