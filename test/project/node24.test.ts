import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { layOutExample } from '../support/example-project.ts';
import { int64 } from '../support/feature-values.ts';
import { createSqliteRepo } from '../support/golden-repo.ts';
import { createOnlineFeaturesClient } from '../support/online-features-client.ts';
import { projectRoot } from '../support/project-root.ts';

const READY_WITHIN_MS = 30_000;

/** What a container holds: the packed files and the production dependencies of Node 24, no compiler and no install script. */
describe('the packed product on Node 24', function () {
  this.timeout(300_000);

  const node24 = join(projectRoot, '.tools/node24/bin');
  const withNode24 = { ...process.env, PATH: `${node24}${delimiter}${process.env.PATH}` };
  let folder: string;
  let installed: string;

  before(() => {
    execFileSync(join(projectRoot, 'scripts/setup-node24.sh'), { stdio: 'pipe' });
    folder = mkdtempSync(join(tmpdir(), 'sideboard-node24-'));
    const [packed]: [{ filename: string }] = JSON.parse(
      runText('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], projectRoot),
    );
    runText('tar', ['-xzf', packed.filename], folder);
    installed = join(folder, 'package');
    for (const file of ['package-lock.json', '.npmrc']) cpSync(join(projectRoot, file), join(installed, file));
    runText('npm', ['ci', '--omit=dev', '--ignore-scripts'], installed);
    rmSync(join(installed, 'node_modules/better-sqlite3-node20'), { recursive: true, force: true });
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it('holds what it needs at run time, and neither sources nor tests', () => {
    const names = runText('find', ['.', '-path', './node_modules', '-prune', '-o', '-type', 'f', '-print'], installed)
      .trim()
      .split('\n');
    for (const file of ['./LICENSE', './README.md', './proto/feast/serving/ServingService.proto', './dist/main.js']) {
      assert.ok(names.includes(file), file);
    }
    assert.deepEqual(
      names.filter((name) => /^\.\/(src|test|examples|build)\/|\.env$/.test(name)),
      [],
    );
  });

  it('runs on Node 24', () => {
    assert.match(runText('node', ['--version'], installed), /^v24\./);
    const { version }: { version: string } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
    assert.ok(runText('node', ['dist/main.js', '--version'], installed).includes(version));
  });

  const stores = {
    mysql: ['mysql2', { type: 'mysql' }],
    postgres: ['pg', { type: 'postgres', host: '127.0.0.1', database: 'd', user: 'u', password: 'p' }],
    dynamodb: ['@aws-sdk/client-dynamodb', { type: 'dynamodb', region: 'eu-central-1' }],
  } as const;
  for (const [store, [name, section]] of Object.entries(stores)) {
    it(`comes without the client of ${store}, and says how to install it`, () => {
      assert.ok(!existsSync(join(installed, 'node_modules', name)));
      const repo = createSqliteRepo('multiview', { online_store: section });
      try {
        const args = ['dist/main.js', 'doctor', '--repo', repo.path];
        const { stdout, status } = spawnSync(join(node24, 'node'), args, { cwd: installed, encoding: 'utf8' });
        assert.match(stdout, new RegExp(`STORE_UNAVAILABLE: The online store "${store}" needs the package ${name}`));
        assert.match(stdout, new RegExp(`-> Install it beside sideboard: npm install ${name}\n`));
        assert.notEqual(status, 0);
      } finally {
        repo.remove();
      }
    });
  }

  it('keeps its compiled code beside the package, and starts where that cannot be written', () => {
    const cache = join(installed, '.cache');
    const version = () => runText('node', ['dist/main.js', '--version'], installed);
    const first = version();
    assert.ok(existsSync(join(cache, 'compile')));
    rmSync(cache, { recursive: true });
    writeFileSync(cache, '');
    assert.equal(version(), first);
    rmSync(cache);
  });

  it('serves the example project from SQLite', async () => {
    const repo = join(folder, 'repo');
    mkdirSync(repo);
    await layOutExample(repo);

    const args = ['dist/main.js', 'serve', '--repo', repo, '--grpc-address', '127.0.0.1:0', '--admin-address', 'off'];
    const server = spawn(join(node24, 'node'), args, { cwd: installed, stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = once(server, 'exit');
    try {
      const client = createOnlineFeaturesClient(await readyAddress(server));
      const { columns } = await client.ask({
        features: ['driver_profile:vehicle', 'driver_hourly_stats:avg_daily_trips'],
        entities: { driver_id: [int64(1001), int64(1)] },
      });
      client.close();
      assert.deepEqual(
        columns.map(({ name, statuses }) => ({ name, statuses })),
        [
          { name: 'driver_id', statuses: ['PRESENT', 'PRESENT'] },
          { name: 'vehicle', statuses: ['PRESENT', 'NOT_FOUND'] },
          { name: 'avg_daily_trips', statuses: ['PRESENT', 'NOT_FOUND'] },
        ],
      );
      assert.deepEqual(columns[1]?.values[0], { stringVal: 'hatchback' });
    } finally {
      server.kill('SIGTERM');
    }
    assert.deepEqual(await ended, [0, null]);
  });

  function runText(program: string, args: readonly string[], cwd: string): string {
    return execFileSync(program, args, { cwd, env: withNode24, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }
});

/** The address in the line that `serve` prints when it is ready. */
async function readyAddress(server: ChildProcess): Promise<string> {
  let output = '';
  const found = new Promise<string>((resolve, reject) => {
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
      const address = /127\.0\.0\.1:[1-9]\d*/.exec(output)?.[0];
      if (address !== undefined) resolve(address);
    };
    server.stdout?.on('data', collect);
    server.stderr?.on('data', collect);
    server.once('exit', () => reject(new Error(`serve ended:\n${output}`)));
    setTimeout(() => reject(new Error(`serve was not ready in time:\n${output}`)), READY_WITHIN_MS).unref();
  });
  return found;
}
