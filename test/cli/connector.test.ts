import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AnnouncedProcess, untilAnnounced } from '../support/announced-process.ts';
import { type CliRun, runCli } from '../support/cli-run.ts';
import { layOutExample } from '../support/example-project.ts';
import { requireFeast } from '../support/feast-session.ts';
import { createOnlineFeaturesClient, refusalOf } from '../support/online-features-client.ts';
import { projectRoot } from '../support/project-root.ts';
import { askReflection, reflectionSummary } from '../support/reflection-client.ts';
import { eventually } from '../support/serving-program.ts';
import { startProgram } from '../support/sideboard-process.ts';
import { useTempFolder } from '../support/temp-folder.ts';

/** The example project as its commands make it. */
let served: string;

before(async function () {
  this.timeout(60_000);
  served = mkdtempSync(join(tmpdir(), 'sideboard-connector-'));
  await layOutExample(served);
});
after(() => rmSync(served, { recursive: true, force: true }));

/** A project of the example's views whose store is the process at this address. */
function writeProject(folder: string, address: string): void {
  const lines = [
    'project: driver_stats',
    'provider: local',
    `registry: ${join(served, 'examples/driver_stats/data/registry.db')}`,
    `online_store: { type: connector, address: "${address}" }`,
    'entity_key_serialization_version: 3',
  ];
  writeFileSync(join(folder, 'feature_store.yaml'), `${lines.join('\n')}\n`);
}

describe('sideboard connector', function () {
  this.timeout(90_000);
  const folder = useTempFolder();
  let process: AnnouncedProcess | undefined;

  afterEach(() => process?.stop());

  for (const kind of ['a port', 'a Unix socket'] as const) {
    it(`serves the store on ${kind}: what is read through it is what is read directly`, async () => {
      const address = kind === 'a port' ? '127.0.0.1:0' : `unix:${join(folder(), 'store.sock')}`;
      const child = startProgram(['connector', '--repo', served, '--address', address]);
      process = await untilAnnounced(
        child,
        /^Sideboard \S+ serves the sqlite store of project driver_stats on (\S+)$/m,
      );
      writeProject(folder(), process.announced[1] ?? '');
      const get = (repo: string): Promise<CliRun> => {
        return runCli(['get', '--service', 'driver_ranking', '--entity', 'driver_id=1001,1002,1003,9', '--repo', repo]);
      };
      const through = await get(folder());
      assert.deepEqual(through, await get(served));
      assert.match(through.stdout, /PRESENT/);
      assert.equal((await runCli(['doctor', '--repo', folder()])).status, 0);
      assert.equal(await process.stop(), 0);
      process = undefined;
    });
  }

  it('tells probes and clients whether it can serve, and measures what it serves', async () => {
    const ports = ['--address', '127.0.0.1:0', '--admin-address', '127.0.0.1:0'];
    process = await untilAnnounced(startProgram(['connector', '--repo', served, ...ports]), / on (127\.0\.0\.1:\d+)$/m);
    const { output } = process;
    const admin = await eventually(() => /"admin":"([^"]+)"/.exec(output())?.[1], output);
    const page = async (path: string): Promise<{ status: number; text: string }> => {
      const response = await fetch(`http://${admin}${path}`);
      return { status: response.status, text: await response.text() };
    };
    assert.equal((await page('/livez')).status, 200);
    await eventually(async () => ((await page('/readyz')).status === 200 ? true : undefined), output);
    const client = createOnlineFeaturesClient(process.announced[1] ?? '');
    try {
      const health = (service: string): Promise<Buffer> => {
        return client.call(
          '/grpc.health.v1.Health/Check',
          Buffer.concat([Buffer.from([10, service.length]), Buffer.from(service)]),
        );
      };
      for (const service of ['', 'grpc.connector.OnlineStore']) {
        assert.deepEqual(await health(service), Buffer.from([8, 1]), 'SERVING');
      }
      assert.equal((await refusalOf(health('feast.serving.ServingService'))).code, 'UNKNOWN_SERVICE');
      writeProject(folder(), process.announced[1] ?? '');
      const entity = ['--entity', 'driver_id=1001,9'];
      const got = await runCli(['get', '--service', 'driver_ranking', ...entity, '--repo', folder()]);
      assert.equal(got.status, 0, got.stderr);
      const { text } = await page('/metrics');
      const reads = /^sideboard_store_operation_duration_seconds_count\{store="sqlite",operation="read"\} (\d+)$/m.exec(
        text,
      );
      assert.equal(Number(reads?.[1]), 2, 'one for each view');
      assert.match(
        text,
        /^sideboard_requests_total\{method="\/grpc\.connector\.OnlineStore\/OnlineRead",code="OK"\} 2$/m,
      );
      assert.match(text, /^sideboard_ready 1$/m);
    } finally {
      client.close();
    }
  });

  it('tells tools what it serves where it is told to, and goes on for as long as it is to wait when it is told to stop', async () => {
    const config = readFileSync(join(served, 'feature_store.yaml'), 'utf8');
    const talking = join(served, 'talking.yaml');
    const settings = 'sideboard:\n  grpc: { reflection: on }\n  shutdown: { wait_ms: 1500 }\n';
    assert.match(config, /^sideboard:$/m);
    writeFileSync(talking, config.replace(/^sideboard:\n/m, settings));
    const start = async (args: readonly string[]): Promise<string> => {
      const child = startProgram(['connector', ...args, '--address', '127.0.0.1:0']);
      process = await untilAnnounced(child, / on (127\.0\.0\.1:\d+)$/m);
      return process.announced[1] ?? '';
    };
    const mute = await start(['--repo', served]);
    await assert.rejects(askReflection(mute, 'v1', [{ case: 'listServices', value: '*' }]), { code: 12 });
    await process?.stop();
    const address = await start(['--config', talking]);
    for (const version of ['v1', 'v1alpha']) {
      const answers = await askReflection(address, version, [
        { case: 'listServices', value: '*' },
        { case: 'fileContainingSymbol', value: 'grpc.connector.OnlineStore' },
      ]);
      assert.deepEqual(answers.map(reflectionSummary), [
        [
          'grpc.connector.OnlineStore',
          'grpc.health.v1.Health',
          'grpc.reflection.v1.ServerReflection',
          'grpc.reflection.v1alpha.ServerReflection',
        ],
        [
          'feast/serving/Connector.proto',
          'feast/serving/ServingService.proto',
          'feast/types/Value.proto',
          'google/protobuf/timestamp.proto',
          'feast/types/EntityKey.proto',
        ],
      ]);
    }
    const told = Date.now();
    const stopping = process?.stop();
    // A connection that is made only now is served.
    assert.equal((await askReflection(address, 'v1', [{ case: 'listServices', value: '*' }])).length, 1);
    assert.equal(await stopping, 0);
    assert.ok(Date.now() - told >= 1_500);
    process = undefined;
  });

  it('leaves apply and write to the program that the store belongs to', async () => {
    writeProject(folder(), '127.0.0.1:1');
    const applied = await runCli(['apply', '--repo', folder()]);
    assert.equal(applied.status, 5);
    assert.match(applied.stderr, /^error STORE_UNSUPPORTED: .*creates and removes its tables itself/);
    const rows = join(projectRoot, 'examples/own-store/rows.jsonl');
    const written = await runCli(['write', 'driver_profile', rows, '--repo', folder()]);
    assert.match(written.stderr, /^error INGEST_STORE_READ_ONLY: /);
  });
});

describe('a store process in Python', function () {
  this.timeout(180_000);
  const folder = useTempFolder();
  const example = join(projectRoot, 'examples/python-store');

  before(function () {
    return requireFeast(this);
  });

  it('is read as its README shows', async () => {
    const python = join(projectRoot, '.venv/feast/bin/python');
    const process = await untilAnnounced(
      spawn(python, [join(example, 'store.py'), '--address', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'pipe'] }),
      /^store process on (\S+)$/m,
    );
    try {
      writeProject(folder(), process.announced[1] ?? '');
      const readme = readFileSync(join(example, 'README.md'), 'utf8');
      const [, command = '', output] = /^\$ node dist\/main\.js (get [^\n]*)\n(.*?)^```$/ms.exec(readme) ?? [];
      const args = command.replace('examples/python-store', folder()).split(' ');
      assert.deepEqual(await runCli(args), { status: 0, stdout: output, stderr: '' });
      const nulls = await runCli(
        ['get', '--features', 'driver_profile:languages,driver_profile:verified', '--entity', 'driver_id=8'].concat([
          '--repo',
          folder(),
        ]),
      );
      assert.match(nulls.stdout, /languages +- +NULL_VALUE +2026-01-10T09:00:00\.250Z\n8 +verified +- +NOT_FOUND/);
      const unknown = await runCli([
        'get',
        '--features',
        'driver_hourly_stats:city',
        '--entity',
        'driver_id=7',
        '--repo',
        folder(),
      ]);
      assert.match(unknown.stderr, /^error STORE_TABLE_MISSING: .*does not know the view/);
    } finally {
      await process.stop();
    }
  });
});
