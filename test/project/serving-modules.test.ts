import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { string } from '../support/feature-values.ts';
import { createSqliteRepo } from '../support/golden-repo.ts';
import { createOnlineFeaturesClient } from '../support/online-features-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { fileByFileProgram, type ProgramCommand, shippedProgram, startServing } from '../support/sideboard-process.ts';
import { useTempFolder } from '../support/temp-folder.ts';

/** Packages of every process that serves, which `scripts/build.mjs` makes part of the program. */
const BUNDLED = ['@bufbuild/protobuf', 'yaml', 'zod'];
/** The others, with what they bring along. */
const COMMON = [
  'commander',
  ...['pino', '@pinojs/redact', 'atomic-sleep', 'on-exit-leak-free', 'pino-std-serializers', 'quick-format-unescaped'],
  ...['safe-stable-stringify', 'sonic-boom', 'thread-stream'],
];
const REDIS = [
  ...['ioredis', '@ioredis/commands', 'cluster-key-slot', 'debug', 'denque', 'ms', 'redis-errors'],
  'standard-as-callback',
];
/** Loaded by `debug` where they are installed, which only development has. */
const PERHAPS = new Set(['has-flag', 'supports-color']);
const SQLITE = ['bindings', 'file-uri-to-path'];
/** What runs the tests from their sources. */
const TEST_TOOLS = new Set(['tsx', 'esbuild', 'get-tsconfig', 'resolve-pkg-maps']);

interface Loaded {
  /** Names of packages. */
  readonly packages: readonly string[];
  /** Sideboard's own modules, as paths in `src/`. */
  readonly own: readonly string[];
  /** How many files of Sideboard's package. */
  readonly files: number;
}

/** Every module costs memory for as long as the process lives, and time when it starts: this list may grow knowingly only. */
describe('a process that serves', function () {
  this.timeout(60_000);

  const folder = useTempFolder();
  let redis: RedisServer;

  before(async () => {
    redis = await startRedisServer();
  });

  after(() => redis.remove());

  it('loads for Redis what Redis needs, and no other store or registry', async () => {
    const loaded = await modulesOf({ type: 'redis', connection_string: `127.0.0.1:${redis.port}` });
    assert.deepEqual(loaded.packages, [...BUNDLED, ...COMMON, ...REDIS].sort());
    assertNoOtherParts(loaded.own, 'redis');
  });

  it('loads for SQLite what SQLite needs, and no other store or registry', async () => {
    const loaded = await modulesOf(undefined);
    const packages = loaded.packages.filter((name) => !/^better-sqlite3/.test(name) && !SQLITE.includes(name));
    assert.deepEqual(packages, [...BUNDLED, ...COMMON].sort());
    assert.ok(loaded.packages.some((name) => /^better-sqlite3/.test(name)));
    assertNoOtherParts(loaded.own, 'sqlite', 'sql');
  });

  it('loads a third as many files as it is shipped', async () => {
    const online = { type: 'redis', connection_string: `127.0.0.1:${redis.port}` };
    const shipped = await modulesOf(online, shippedProgram);
    assert.deepEqual(shipped.packages, [...COMMON, ...REDIS].sort());
    const { files } = await modulesOf(online);
    assert.ok(shipped.files < files / 3, `${shipped.files} files in place of ${files}`);
  });

  /** What a server has loaded when it has answered once. Node writes each script that it ran into its coverage report. */
  async function modulesOf(
    onlineStore: object | undefined,
    program: ProgramCommand = fileByFileProgram,
  ): Promise<Loaded> {
    const coverage = mkdtempSync(join(folder(), 'coverage-'));
    const repo = createSqliteRepo('multiview', onlineStore === undefined ? {} : { online_store: onlineStore });
    try {
      const server = await startServing(program, { NODE_V8_COVERAGE: coverage }, repo.path, '--log-level', 'warn');
      const client = createOnlineFeaturesClient(server.address);
      try {
        await client.ask({ features: ['customer_profile:age'], entities: { customer_id: [string('c-1')] } });
      } finally {
        client.close();
        assert.equal(await server.stop(), 0, server.output());
      }
    } finally {
      repo.remove();
    }
    const urls = new Set<string>();
    for (const file of readdirSync(coverage)) {
      const { result } = JSON.parse(readFileSync(join(coverage, file), 'utf8')) as { result: { url: string }[] };
      for (const { url } of result) urls.add(url);
    }
    const packages = new Set<string>();
    const own: string[] = [];
    let files = 0;
    for (const url of urls) {
      const name = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
      const path = /\/src\/(.*)\.[jt]s$/.exec(url)?.[1];
      if (!url.startsWith('file:')) continue;
      if (name !== undefined) packages.add(name);
      else files++;
      if (name === undefined && path !== undefined) own.push(path);
    }
    const expected = [...packages].filter((each) => !PERHAPS.has(each) && !TEST_TOOLS.has(each));
    return { packages: expected.sort(), own, files };
  }
});

/** @param folders of `stores/`: the store's own first, then what it shares with others */
function assertNoOtherParts(own: readonly string[], ...folders: readonly string[]): void {
  assert.ok(own.some((path) => path.startsWith(`stores/${folders[0]}/`)));
  const others = own.filter((path) => {
    const folder = /^stores\/([^/]+)\//.exec(path)?.[1];
    // The breaker stands in front of every store.
    if (folder !== undefined) return folder !== 'breaker' && !folders.includes(folder);
    // The registry is a file here. The exit codes know the errors of every layer.
    return /^registry\/[^/]+\/|^ingest\/(?!ingest-error$|materialize-error$)|^conformance\/|^transports\/grpc\/grpc-js-server$/.test(
      path,
    );
  });
  assert.deepEqual(others, []);
  // Nobody asked for traces or lines of single calls.
  assert.deepEqual(
    own.filter((path) => /^operations\/(?:calls\/|tracing\/(?:otlp|otel|export))/.test(path)),
    [],
  );
}
