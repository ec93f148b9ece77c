import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { type LoadedExample, loadExample } from '../support/container/loaded-example.ts';
import { freePort, ownAddress } from '../support/container/own-network.ts';
import { askProbe, layVolumes, type PodSurroundings, startPodContainer } from '../support/container/pod.ts';
import type { RunningContainer } from '../support/container/runc-container.ts';
import { sharedTestImage, type TestImage } from '../support/container/test-image.ts';
import { type Container, manifestsFrom, sidecarOf } from '../support/kubernetes/manifests.ts';
import { projectRoot } from '../support/project-root.ts';
import { until } from '../support/until.ts';

const folder = join(projectRoot, 'docker/kubernetes');
const page = readFileSync(join(folder, 'README.md'), 'utf8');
const CLIENT = join(projectRoot, 'test/support/container/asking-client.mjs');

/** The pod of the example, with its files and ports. */
interface ChangedExample {
  readonly text: string;
  readonly grpcPort: number;
  readonly adminPort: number;
}

/** "Beside a model in ten minutes", without a cluster: the test lays the pod as a kubelet would, and changes the six lines as a reader would. */
describe('docker/kubernetes/README.md, followed to the letter', function () {
  this.timeout(600_000);
  let image: TestImage;
  let example: LoadedExample;
  /** Where the registry is: a place that pods can read from. */
  let web: Server;
  const running: RunningContainer[] = [];

  before(async function () {
    image = sharedTestImage(this);
    example = await loadExample(image);
    const registry = readFileSync(join(example.data, 'registry.db'));
    web = createServer((request, response) => {
      response
        .writeHead(request.url === '/registry.db' ? 200 : 404)
        .end(request.url === '/registry.db' ? registry : '');
    }).listen(0, '127.0.0.1');
    await once(web, 'listening');
  });

  after(async () => {
    for (const container of running) container.remove();
    web?.close();
    web?.closeAllConnections();
    await example?.redis.remove();
  });

  /** Step 3. @param registry path of the registry on the server @param redisPort where the store is looked for */
  async function changed(registry: string, redisPort: number): Promise<ChangedExample> {
    const [grpcPort, adminPort] = [await freePort(), await freePort()];
    const answers: readonly (readonly [RegExp, string])[] = [
      [/^( *project:) .*# CHANGE$/m, '$1 rides'],
      [/^( *registry:) .*# CHANGE$/m, `$1 http://127.0.0.1:${(web.address() as AddressInfo).port}/${registry}`],
      [/^( *connection_string:) .*# CHANGE$/m, `$1 "127.0.0.1:${redisPort},password=\${REDIS_PASSWORD}"`],
      [/^( *image:) sideboard:.*# CHANGE$/m, '$1 registry.example.com/sideboard:0.1.0'],
      [/^( *valueFrom:.*) # CHANGE$/m, '$1'],
      [/^( *image:) .*# CHANGE: .*$/m, '$1 registry.example.com/ranking:1'],
    ];
    let text = readFileSync(join(folder, 'examples/native-sidecar.yaml'), 'utf8');
    for (const [line, answer] of answers) {
      assert.match(text, line);
      text = text.replace(line, answer);
    }
    assert.equal(text.match(/CHANGE/g)?.length, 1, 'its first line alone still speaks of changes');
    return { text: withPorts(text, grpcPort, adminPort), grpcPort, adminPort };
  }

  function startSidecar(name: string, { text }: ChangedExample) {
    const manifests = manifestsFrom(text);
    const pod = manifests.find(({ kind }) => kind === 'Deployment')?.spec?.template?.spec;
    const files = manifests.find(({ kind }) => kind === 'ConfigMap')?.data;
    assert.ok(pod !== undefined && files !== undefined);
    const surroundings: PodSurroundings = {
      image,
      files: { 'sideboard-config': files },
      secrets: { REDIS_PASSWORD: example.password },
    };
    const at = join(image.folder, name);
    mkdirSync(at);
    const volumes = layVolumes(pod, at, surroundings);
    const start = (container: Container, more: Parameters<typeof startPodContainer>[5] = {}): RunningContainer => {
      const started = startPodContainer(
        pod,
        container,
        `${name}-${container.name}-${process.pid}`,
        volumes,
        surroundings,
        more,
      );
      running.push(started);
      return started;
    };
    const sidecar = sidecarOf(pod);
    return { pod, sidecar, start, server: start(sidecar) };
  }

  it('ends with a model that has its features', async () => {
    const own = await changed('registry.db', example.redis.port);
    const { pod, sidecar, start, server } = startSidecar('readme', own);
    await until(
      async () => ((await askProbe(sidecar.startupProbe, ownAddress())) === 200 ? true : undefined),
      server.output,
    );

    const [curl, grpcurl] = ['curl', 'grpcurl'].map((name) => shownOn(page, name));
    assert.ok(curl !== undefined && grpcurl !== undefined);
    assert.equal(shell(withPorts(curl.command, own.grpcPort, own.adminPort)), curl.output);
    const asked = grpcurl.command.replace('driver_hourly_stats:conv_rate', 'driver_stats:trips');
    assert.notEqual(asked, grpcurl.command);
    const answer: { results: readonly { values: readonly object[] }[] } = JSON.parse(
      shell(withPorts(asked, own.grpcPort, own.adminPort)),
    );
    assert.deepEqual(
      answer.results.map(({ values }) => values),
      [[{ int64Val: '1001' }], [{ int64Val: '15' }]],
    );

    const [model] = pod.containers;
    assert.ok(model !== undefined);
    const client = start(model, {
      args: ['/usr/local/bin/node', '/client.mjs', `127.0.0.1:${own.grpcPort}`],
      mounts: [{ path: '/client.mjs', source: CLIENT, readOnly: true }],
      uid: 1000,
    });
    await until(() => (client.output().includes('twenty answers') ? true : undefined), client.output);
    client.signal('TERM');
    assert.equal(await client.ended, 0, client.output());
    server.signal('TERM');
    assert.equal(await server.ended, 0, server.output());
  });

  it('finds in the last lines of the log what is wrong with the registry, because the process ends', async () => {
    const { server } = startSidecar('readme-registry', await changed('another.db', example.redis.port));
    assert.notEqual(await server.ended, 0);
    const last = server.output().trim().split('\n').slice(-3).join('\n');
    assert.match(last, /REGISTRY_\w+: .*another\.db.*\nhint: /s);
  });

  it('finds in a warning that the store does not answer, while the probe says no', async () => {
    const { server, sidecar } = startSidecar('readme-store', await changed('registry.db', await freePort()));
    await until(() => (/"level":"warn".*STORE_UNAVAILABLE/.test(server.output()) ? true : undefined), server.output);
    assert.equal(await askProbe(sidecar.startupProbe, ownAddress()), 503);
    assert.equal(await askProbe(sidecar.livenessProbe, ownAddress()), 200);
    server.signal('TERM');
    assert.equal(await server.ended, 0, server.output());
  });
});

function withPorts(text: string, grpcPort: number, adminPort: number): string {
  return text.replaceAll('50051', String(grpcPort)).replaceAll('9090', String(adminPort));
}

/** A command of the page that starts so, and what stands below it. */
function shownOn(text: string, start: string): { readonly command: string; readonly output: string } {
  const lines = text.split('\n').map((line) => line.replace(/^ {3}/, ''));
  const first = lines.findIndex((line) => line.startsWith(`$ ${start} `));
  assert.ok(first >= 0, `the page shows no ${start}`);
  let end = first;
  while (lines[end]?.endsWith('\\')) end++;
  const after = lines.slice(end + 1);
  const output = after.slice(
    0,
    after.findIndex((line) => line.startsWith('$ ') || line.startsWith('```')),
  );
  const command = lines
    .slice(first, end + 1)
    .join('\n')
    .slice('$ '.length);
  return { command, output: output.map((line) => `${line}\n`).join('') };
}

function shell(command: string): string {
  const path = `${join(projectRoot, '.tools/bin')}${delimiter}${process.env.PATH ?? ''}`;
  return execFileSync('bash', ['-c', command], {
    cwd: projectRoot,
    encoding: 'utf8',
    env: { ...process.env, PATH: path },
  });
}
