import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { create } from '@bufbuild/protobuf';
import { EntityKeySchema } from '../../gen/feast/types/EntityKey_pb.ts';
import { openProject } from '../../src/cli/composition.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { decodeValue } from '../../src/encoding/value.ts';
import { onlineTableFromView } from '../../src/stores/online-table.ts';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { createSqliteRepo } from '../support/golden-repo.ts';
import { eventually, pause } from '../support/http2-server-under-test.ts';
import { IngestProcess } from '../support/ingest-process.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { type SwitchableProxy, startSwitchableProxy } from '../support/switchable-proxy.ts';

const MB = 1024 * 1024;
const START_MS = 30_000;

const row = (line: number) =>
  `{"customer_id": "c-${line}", "clicks": ${line}, "event_timestamp": "2026-01-10T08:00:00Z"}\n`;

function* rowsFrom(first: number, last: number): Generator<string> {
  for (let line = first; line <= last; line++) yield row(line);
}

describe('the process of sideboard ingest', function () {
  this.timeout(120_000);
  let redis: RedisServer;
  let proxy: SwitchableProxy;
  let repo: FeatureRepo;
  const running: IngestProcess[] = [];

  before(async () => {
    redis = await startRedisServer();
    proxy = await startSwitchableProxy(redis.port);
  });
  after(async () => {
    await proxy.close();
    await redis.remove();
  });
  beforeEach(() => redis.client.flushall());
  afterEach(async () => {
    for (const process of running.splice(0)) {
      process.kill('SIGKILL');
      await process.ended;
    }
    repo.remove();
  });

  const onSqlite = () => {
    repo = createSqliteRepo('multiview');
  };
  const onRedis = (port = redis.port) => {
    const store = { type: 'redis', connection_string: `127.0.0.1:${port}` };
    repo = createSqliteRepo('multiview', { online_store: store, sideboard: { redis: { connect_timeout_ms: 500 } } });
  };
  const start = (...args: readonly string[]): IngestProcess => {
    const process = new IngestProcess(repo.path, 'live_counters', ...args);
    running.push(process);
    return process;
  };
  const acknowledged = (process: IngestProcess, through: number) =>
    eventually(
      () => process.through >= through,
      () => `through ${process.through}: ${process.stderr}`,
      START_MS,
    );

  /** The lines up to this one that are not stored. */
  async function missing(last: number): Promise<readonly number[]> {
    const project = await openProject({ location: { repo: repo.path }, env: {}, warn: () => {} });
    try {
      const view = project.registry.current().views.get('live_counters');
      assert.ok(view);
      const keys = Array.from({ length: last }, (_, at) =>
        create(EntityKeySchema, {
          joinKeys: ['customer_id'],
          entityValues: [{ val: { case: 'stringVal', value: `c-${at + 1}` } }],
        }),
      );
      const stored = await project.store.onlineRead(onlineTableFromView(view, project.config.project, 0), keys);
      return stored.flatMap((each, at) => {
        const value = each?.values.get('clicks');
        return value !== undefined && decodeValue(value) === BigInt(at + 1) ? [] : [at + 1];
      });
    } finally {
      await project.close();
    }
  }

  it('acknowledges a line soon, whether or not more come', async () => {
    onSqlite();
    const process = start('--flush-ms', '50');
    process.write(row(1));
    await acknowledged(process, 1);
    process.write(row(2) + row(3).slice(0, 20));
    await acknowledged(process, 2);
    process.write(row(3).slice(20));
    await acknowledged(process, 3);
    process.end();
    assert.deepEqual(await process.ended, [0, null]);
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`stores and acknowledges what it has read on ${signal}, and ends with 0`, async () => {
      onSqlite();
      const process = start('--flush-ms', '3600000', '--batch-size', '10');
      process.write([...rowsFrom(1, 17)].join('') + row(18).slice(0, 30));
      await acknowledged(process, 10);
      process.kill(signal);
      assert.deepEqual(await process.ended, [0, null]);
      assert.equal(process.through, 17);
      assert.deepEqual(await missing(17), []);
    });
  }

  it('says so when nobody reads the acknowledgements any more', async () => {
    onSqlite();
    const process = start('--flush-ms', '10');
    process.write(row(1));
    await acknowledged(process, 1);
    process.child.stdout?.destroy();
    const feeding = process.feed(rowsFrom(2, 1_000_000));
    assert.deepEqual(await process.ended, [exitCodes.failure.code, null]);
    await feeding;
    assert.match(process.stderr, /error: nobody reads the acknowledgements any more\./);
  });

  it('waits for a store that does not answer, acknowledges nothing meanwhile, and loses nothing', async () => {
    onRedis(proxy.port);
    const process = start('--batch-size', '5', '--flush-ms', '20', '--timeout', '1000');
    for (let round = 0; round < 3; round++) {
      const first = round * 40 + 1;
      await process.feed(rowsFrom(first, first + 19));
      await acknowledged(process, first + 19);
      proxy.switchTo(round === 1 ? 'silent' : 'cut');
      await process.feed(rowsFrom(first + 20, first + 39));
      await pause(700);
      assert.equal(process.through, first + 19);
      proxy.switchTo('pass');
      await acknowledged(process, first + 39);
    }
    process.end();
    assert.deepEqual(await process.ended, [0, null]);
    assert.match(process.stderr, /warning: the store does not answer, rows wait/);
    assert.deepEqual(await missing(120), []);
  });

  it('gives a store up that stays away, without acknowledging what is not stored', async () => {
    onRedis(proxy.port);
    const process = start('--flush-ms', '20', '--give-up-after', '1', '--timeout', '500');
    process.write(row(1));
    await acknowledged(process, 1);
    proxy.switchTo('cut');
    process.write(row(2));
    const [code] = await process.ended;
    proxy.switchTo('pass');
    assert.equal(code, exitCodes.store.code, process.stderr);
    assert.equal(process.through, 1);
  });

  it('holds a bounded part of the input while the store takes none', async () => {
    onRedis();
    const process = start('--batch-size', '500', '--timeout', '60000');
    process.write(row(1));
    await acknowledged(process, 1);
    redis.pause();
    try {
      const filler = 'x'.repeat(1_000);
      function* endless(): Generator<string> {
        for (let line = 2; ; line++) yield row(line).replace('{', `{"filler": "${filler}", `);
      }
      let fed = 0;
      let stopped = false;
      const feeding = process.feed(
        (function* () {
          for (const piece of endless()) {
            fed += piece.length;
            yield piece;
          }
        })(),
        () => stopped,
      );
      let seen = -1;
      while (seen < fed) {
        seen = fed;
        await pause(1_000);
      }
      assert.ok(fed < 16 * MB, `${fed} bytes were taken`);
      const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${process.child.pid}/status`, 'utf8'))?.[1]) * 1024;
      assert.ok(rss < 300 * MB, `${rss} bytes resident`);
      assert.equal(process.through, 1);
      redis.resume();
      await acknowledged(process, 5_000);
      stopped = true;
      process.end();
      await feeding;
      assert.deepEqual(await process.ended, [0, null]);
    } finally {
      redis.resume();
    }
  });

  for (const [store, prepare] of [
    ['SQLite', onSqlite],
    ['Redis', onRedis],
  ] as const) {
    it(`has stored on ${store} what it acknowledged when it is killed, and loses and doubles nothing after a rerun`, async () => {
      prepare();
      const random = createSeededRandom(store.length);
      const last = 4_000;
      let through = 0;
      for (let round = 0; round < 5; round++) {
        const process = start('--batch-size', '20', '--flush-ms', '5');
        const before = through;
        const feeding = process.feed(rowsFrom(before + 1, last));
        await acknowledged(process, 1 + random(300));
        await pause(random(30));
        process.kill('SIGKILL');
        await process.ended;
        await feeding;
        through = before + process.through;
        assert.deepEqual(await missing(through), [], 'what was acknowledged is stored');
      }
      const process = start();
      await process.feed(rowsFrom(through + 1, last));
      process.end();
      assert.deepEqual(await process.ended, [0, null]);
      assert.equal(through + process.through, last);
      assert.deepEqual(await missing(last), []);
      // One row for each line, and those that the project had before.
      if (store === 'Redis') assert.equal(await redis.client.dbsize(), last);
    });
  }
});
