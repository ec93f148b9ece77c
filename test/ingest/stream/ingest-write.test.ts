import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { EntityKeySchema } from '../../../gen/feast/types/EntityKey_pb.ts';
import { type OpenProject, openProject } from '../../../src/cli/composition.ts';
import { decodeValue } from '../../../src/encoding/value.ts';
import { OnlineIngest, type OnlineIngestOptions } from '../../../src/ingest/stream/online-ingest.ts';
import type { OnlineStore } from '../../../src/stores/online-store.ts';
import { onlineTableFromView } from '../../../src/stores/online-table.ts';
import { StoreError } from '../../../src/stores/store-error.ts';
import { createIngestService } from '../../../src/transports/grpc/ingest-service.ts';
import type { GrpcServer } from '../../../src/transports/grpc/service-table.ts';
import { type GrpcServerKind, grpcServers, startGrpcServer } from '../../../src/transports/grpc/start-grpc-server.ts';
import type { FeatureRepo } from '../../support/feature-repo.ts';
import { createSqliteRepo } from '../../support/golden-repo.ts';
import { eventually, pause } from '../../support/http2-server-under-test.ts';
import { countersBatch, IngestStream } from '../../support/ingest-client.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';

type Row = readonly [customer: string, clicks: number | null, second: number];

const NOW = 1_800_000_000;

describe('sideboard.v1.Ingest/Write', function () {
  this.timeout(30_000);
  let redis: RedisServer;
  let repo: FeatureRepo;
  let project: OpenProject;
  let server: GrpcServer;
  let ingest: OnlineIngest;
  const streams: IngestStream[] = [];
  const failures: unknown[] = [];

  before(async () => {
    redis = await startRedisServer();
  });
  after(() => redis.remove());

  async function start(
    kind: GrpcServerKind,
    storeType: 'sqlite' | 'redis',
    options: Partial<OnlineIngestOptions> = {},
    wrap: (store: OnlineStore) => OnlineStore = (store) => store,
  ): Promise<void> {
    await redis.client.flushall();
    const store = { type: 'redis', connection_string: `127.0.0.1:${redis.port}` };
    repo = createSqliteRepo('multiview', storeType === 'redis' ? { online_store: store } : {});
    project = await openProject({ location: { repo: repo.path }, env: {}, warn: () => {} });
    ingest = new OnlineIngest({
      registry: () => project.registry.current(),
      store: wrap(project.store),
      enabled: true,
      versioned: false,
      ...project.config.sideboard.ingest,
      ...options,
    });
    failures.length = 0;
    server = await startGrpcServer(
      kind,
      createIngestService(async () => ingest),
      {
        ...project.config.sideboard.grpc,
        address: '127.0.0.1:0',
        onFailure: (error) => failures.push(error),
      },
    );
  }

  afterEach(async () => {
    for (const stream of streams.splice(0)) stream.close();
    await server.close(0);
    await project.close();
    repo.remove();
  });

  const open = (): IngestStream => {
    const stream = new IngestStream(server.address);
    streams.push(stream);
    return stream;
  };

  /** Clicks and second of what is stored. */
  async function stored(...customers: readonly string[]): Promise<unknown[]> {
    const view = project.registry.current().views.get('live_counters');
    assert.ok(view);
    const keys = customers.map((customer) =>
      create(EntityKeySchema, {
        joinKeys: ['customer_id'],
        entityValues: [{ val: { case: 'stringVal', value: customer } }],
      }),
    );
    const rows = await project.store.onlineRead(onlineTableFromView(view, project.config.project, 0), keys, ['clicks']);
    return rows.map((row) => {
      const value = row?.values.get('clicks');
      return row === undefined ? undefined : [value && decodeValue(value), row.eventTimestamp.seconds];
    });
  }

  for (const kind of Object.keys(grpcServers) as GrpcServerKind[]) {
    for (const storeType of ['sqlite', 'redis'] as const) {
      it(`stores and acknowledges batches in their order: ${kind}, ${storeType}`, async () => {
        await start(kind, storeType);
        const stream = open();
        for (let batch = 0; batch < 20; batch++) {
          const rows = Array.from({ length: 50 }, (_, i): Row => [`c-${batch}-${i}`, batch * 100 + i, NOW + i]);
          await stream.send(countersBatch(batch, rows));
        }
        const end = await stream.finish();
        assert.equal(end.code, status.OK, end.details);
        assert.deepEqual(
          stream.acks.map(({ batchId, rowsWritten, rowsRefused }) => [batchId, rowsWritten, rowsRefused]),
          Array.from({ length: 20 }, (_, batch) => [BigInt(batch), 50n, 0n]),
        );
        assert.deepEqual(await stored('c-0-0', 'c-19-49', 'c-7-7', 'nobody'), [
          [0n, NOW],
          [1949n, NOW + 49],
          [707n, NOW + 7],
          undefined,
        ]);
        assert.deepEqual(failures, []);
      });
    }

    it(`goes on behind a batch with bad rows, of which it writes nothing: ${kind}`, async () => {
      await start(kind, 'sqlite');
      const stream = open();
      const bad = countersBatch(8, [
        ['good', 1, NOW],
        ['typed', 2, NOW],
        ['dated', 3, NOW],
      ]);
      const clicks = bad.columns?.clicks;
      assert.ok(clicks?.val !== undefined);
      clicks.val[1] = { val: { case: 'stringVal', value: 'secret' } };
      const times = bad.eventTimestamps;
      assert.ok(times !== undefined);
      times[2] = { seconds: 300_000_000_000n };
      await stream.send(countersBatch(7, [['before', 1, NOW]]));
      await stream.send(bad);
      await stream.send(countersBatch(9, [['behind', 4, NOW]]));
      assert.equal((await stream.finish()).code, status.OK);
      assert.deepEqual(
        stream.acks.map(({ batchId, rowsWritten, rowsRefused }) => [batchId, rowsWritten, rowsRefused]),
        [
          [7n, 1n, 0n],
          [8n, 0n, 2n],
          [9n, 1n, 0n],
        ],
      );
      const refused = stream.acks[1]?.refused.map(({ row, column, code }) => [row, column, code]);
      assert.deepEqual(refused, [
        [1n, 'clicks', 'INGEST_BAD_VALUE'],
        [2n, 'event_timestamps', 'INGEST_BAD_TIMESTAMP'],
      ]);
      assert.ok(!JSON.stringify(stream.acks[1]?.refused.map(({ message }) => message)).includes('secret'));
      assert.deepEqual(await stored('before', 'good', 'behind'), [[1n, NOW], undefined, [4n, NOW]]);
    });
  }

  describe('whatever server runs it', () => {
    const wrong: Readonly<Record<string, readonly [code: number, name: string, text: RegExp, batch: object]>> = {
      'a view that does not exist': [status.NOT_FOUND, 'INGEST_UNKNOWN_VIEW', /"nothing"/, { featureView: 'nothing' }],
      'a column too few': [
        status.INVALID_ARGUMENT,
        'INGEST_BAD_BATCH',
        /no column "clicks"/,
        { columns: { customer_id: {} } },
      ],
      'a column too many': [
        status.INVALID_ARGUMENT,
        'INGEST_BAD_BATCH',
        /no column "klicks"/,
        { columns: { ...countersBatch(0, [['a', 1, NOW]]).columns, klicks: { val: [{}] } } },
      ],
      'columns of different lengths': [
        status.INVALID_ARGUMENT,
        'INGEST_BAD_BATCH',
        /has 1 entries, and event_timestamps has 0/,
        { eventTimestamps: [] },
      ],
    };
    for (const [what, [code, name, text, change]] of Object.entries(wrong)) {
      it(`ends a call for ${what}, behind what was stored before it`, async () => {
        await start('net-http2', 'sqlite');
        const stream = open();
        await stream.send(countersBatch(1, [['a', 1, NOW]]));
        await stream.send({ ...countersBatch(2, [['b', 1, NOW]]), ...change });
        await stream.send(countersBatch(3, [['c', 1, NOW]]));
        const end = await stream.ended;
        assert.deepEqual([end.code, end.sideboardCode], [code, name]);
        assert.match(end.details, text);
        assert.deepEqual(
          stream.acks.map(({ batchId }) => batchId),
          [1n],
        );
        assert.deepEqual(await stored('a', 'b'), [[1n, NOW], undefined]);
      });
    }

    it('refuses every call where writes are off', async () => {
      await start('net-http2', 'sqlite', { enabled: false });
      const stream = open();
      const { sideboardCode } = await stream.ended;
      assert.equal(sideboardCode, 'INGEST_WRITES_OFF');
    });

    it('ends a call for a batch whose rows would take too much memory, before it is taken apart', async () => {
      await start('net-http2', 'sqlite');
      const stream = open();
      await stream.send(countersBatch(1, [['c-1', 1, NOW]]));
      const rows = Array.from({ length: 200_001 }, (): Row => ['c-1', null, NOW]);
      await stream.send(countersBatch(2, rows));
      const end = await stream.ended;
      assert.deepEqual([end.code, end.sideboardCode], [status.INVALID_ARGUMENT, 'INGEST_BAD_BATCH']);
      assert.match(end.details, /1000005 values in all.*the limit is 1000000/);
      assert.deepEqual(
        stream.acks.map(({ batchId }) => batchId),
        [1n],
      );
    });

    it('ends a call for bytes that are not a batch', async () => {
      await start('net-http2', 'sqlite');
      const stream = open();
      stream.stream.write(Buffer.from([0xff]));
      assert.equal((await stream.ended).sideboardCode, 'INGEST_MALFORMED_BATCH');
    });

    for (const storeType of ['sqlite', 'redis'] as const) {
      it(`never lets an older row take the place of a newer one, nor an earlier batch of a later: ${storeType}`, async () => {
        await start('net-http2', storeType, { maxBatchesInFlight: 8 });
        const stream = open();
        const newest = new Map<string, readonly [bigint, number]>();
        let seed = 7;
        const random = (below: number) => {
          seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
          return seed % below;
        };
        // Redis keeps the first of rows with the same time, SQLite the last.
        const seconds = storeType === 'redis' ? 10_000_000 : 20;
        for (let batch = 0; batch < 60; batch++) {
          const rows = Array.from({ length: 1 + random(40) }, (_, i): Row => {
            const row: Row = [`c-${random(30)}`, batch * 1000 + i, NOW + random(seconds)];
            const [customer, clicks, second] = row;
            const before = newest.get(customer);
            if (before === undefined || second >= before[1]) newest.set(customer, [BigInt(clicks ?? 0), second]);
            return row;
          });
          void stream.send(countersBatch(batch, rows));
        }
        assert.equal((await stream.finish()).code, status.OK);
        assert.equal(stream.acks.length, 60);
        assert.deepEqual(await stored(...newest.keys()), [...newest.values()]);
      });
    }

    it('ends with the error of the store, behind what it had stored, and a new call goes on from there', async () => {
      let left = 3;
      await start('net-http2', 'sqlite', {}, (store) => failingAfter(store, () => left-- <= 0));
      const stream = open();
      for (let batch = 1; batch <= 8; batch++) void stream.send(countersBatch(batch, [[`c-${batch}`, batch, NOW]]));
      const end = await stream.ended;
      assert.deepEqual([end.code, end.sideboardCode], [status.UNAVAILABLE, 'STORE_UNAVAILABLE']);
      const through = stream.acks.map(({ batchId }) => Number(batchId));
      assert.deepEqual(through, [1, 2, 3]);
      left = 1_000;
      const again = open();
      for (let batch = 4; batch <= 8; batch++) await again.send(countersBatch(batch, [[`c-${batch}`, batch, NOW]]));
      assert.equal((await again.finish()).code, status.OK);
      const customers = Array.from({ length: 8 }, (_, i) => `c-${i + 1}`);
      assert.deepEqual(
        await stored(...customers),
        customers.map((_, i) => [BigInt(i + 1), NOW]),
      );
    });

    it('takes a few batches ahead of a slow store and leaves the rest with the client', async () => {
      const gate = new Gate();
      let writes = 0;
      await start('net-http2', 'sqlite', { maxBatchesInFlight: 3 }, (store) =>
        beforeWrites(store, async () => {
          writes++;
          await gate.opened;
        }),
      );
      const stream = open();
      let sent = 0;
      const customer = 'x'.repeat(1_000);
      const sending = (async () => {
        for (let batch = 0; batch < 100; batch++) {
          await stream.send(
            countersBatch(
              batch,
              Array.from({ length: 60 }, (_, i): Row => [`${customer}${batch}-${i}`, 1, NOW]),
            ),
          );
          sent++;
        }
      })();
      let seen = -1;
      while (seen < sent || seen === 0) {
        seen = sent;
        await pause(300);
      }
      assert.equal(writes, 3);
      assert.ok(seen < 20, `${seen} batches of 60 kB were let through`);
      assert.equal(stream.acks.length, 0);
      const { batches, waiting, bytes } = ingest.underWay();
      assert.deepEqual([batches, waiting], [3, 0]);
      assert.ok(bytes > 3 * 60_000 && bytes < 3 * 80_000, `${bytes} bytes`);
      gate.open();
      await sending;
      assert.equal((await stream.finish()).code, status.OK);
      assert.equal(stream.acks.length, 100);
      assert.deepEqual(ingest.underWay(), { batches: 0, waiting: 0, bytes: 0 });
    });

    it('finishes and acknowledges what it has taken when the server stops', async () => {
      const gate = new Gate();
      let writes = 0;
      await start('net-http2', 'sqlite', { maxBatchesInFlight: 3 }, (store) =>
        beforeWrites(store, async () => {
          writes++;
          await gate.opened;
        }),
      );
      const stream = open();
      for (let batch = 0; batch < 10; batch++) void stream.send(countersBatch(batch, [[`c-${batch}`, batch, NOW]]));
      await eventually(
        () => writes === 3,
        () => `${writes} writes`,
      );
      const closing = server.close(10_000);
      await pause(100);
      gate.open();
      const end = await stream.ended;
      assert.deepEqual([end.code, end.sideboardCode], [status.UNAVAILABLE, 'SHUTTING_DOWN']);
      await closing;
      assert.deepEqual(
        stream.acks.map(({ batchId }) => Number(batchId)),
        [0, 1, 2],
      );
      assert.deepEqual(await stored('c-0', 'c-2', 'c-3'), [[0n, NOW], [2n, NOW], undefined]);
    });
  });
});

class Gate {
  open = (): void => {};
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}

/** The same store, with something to be done before each write. */
function beforeWrites(store: OnlineStore, act: () => Promise<void>): OnlineStore {
  return new Proxy(store, {
    get(target, name) {
      if (name !== 'onlineWriteBatch') {
        const member: unknown = Reflect.get(target, name);
        return typeof member === 'function' ? member.bind(target) : member;
      }
      const write: OnlineStore['onlineWriteBatch'] = async (...call) => {
        await act();
        await target.onlineWriteBatch(...call);
      };
      return write;
    },
  });
}

function failingAfter(store: OnlineStore, fails: () => boolean): OnlineStore {
  return beforeWrites(store, async () => {
    if (fails()) throw new StoreError('STORE_UNAVAILABLE', 'The store is away.');
  });
}
