import assert from 'node:assert/strict';
import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import { onlineTableFromView } from '../../../src/stores/online-table.ts';
import { SqliteOnlineStore, SqliteOnlineStoreConfig } from '../../../src/stores/sqlite/sqlite-online-store.ts';
import { createPushMethods } from '../../../src/transports/grpc/push-methods.ts';
import type { GrpcServer } from '../../../src/transports/grpc/service-table.ts';
import { grpcServers } from '../../../src/transports/grpc/start-grpc-server.ts';
import {
  createOnlineFeaturesClient,
  type OnlineFeaturesClient,
  refusalOf,
} from '../../support/online-features-client.ts';
import { createTables, pushInto, pushRequest, thing, writeRequest } from '../../support/push-project.ts';
import { pushedSnapshot } from '../../support/push-registry.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

const PUSH = '/GrpcFeatureServer/Push';
const WRITE = '/GrpcFeatureServer/WriteToOnlineStore';
const snapshot = pushedSnapshot([{ name: 'counts', features: { n: ValueType_Enum.INT64 } }]);
const view = snapshot.views.get('counts');
assert.ok(view);
const table = onlineTableFromView(view, 'p', 0);
const row = { id: '1', event_timestamp: '2026-06-01T00:00:00Z', n: '5' };

for (const [name, start] of Object.entries(grpcServers)) {
  describe(`pushes over the ${name} server`, () => {
    const folder = useTempFolder();
    let store: SqliteOnlineStore;
    let server: GrpcServer;
    let client: OnlineFeaturesClient;

    const serve = async (enabled: boolean): Promise<void> => {
      store = new SqliteOnlineStore(SqliteOnlineStoreConfig.parse({ path: 'o.db' }), {
        project: 'p',
        repoPath: folder(),
        warn: () => {},
      });
      await createTables(store, snapshot);
      server = await start(
        createPushMethods(async () => pushInto(store, snapshot, { enabled })),
        {
          address: '127.0.0.1:0',
          maxMessageBytes: 100_000,
          maxConcurrentStreams: 1_000,
          defaultDeadlineMs: 10_000,
          maxDeadlineMs: 60_000,
          streamIdleMs: 60_000,
          onFailure: () => {},
        },
      );
      client = createOnlineFeaturesClient(server.address);
    };

    afterEach(async () => {
      client.close();
      await server.close(1_000);
      await store.close();
    });

    it('are acknowledged with status: true when they can be read', async () => {
      await serve(true);
      const answers = [
        await client.call(PUSH, pushRequest({ streamFeatureView: 'live', features: row })),
        await client.call(WRITE, writeRequest('counts', { ...row, id: '2' })),
      ];
      for (const answer of answers) assert.equal(answer.toString('hex'), '0801');
      const rows = await store.onlineRead(table, [thing(1), thing(2)]);
      for (const each of rows) assert.equal(Buffer.from(each?.values.get('n') ?? []).toString('hex'), '2005');
    });

    it('at the same time, of shuffled times, all are acknowledged and leave the newest', async () => {
      await serve(true);
      const times = Array.from({ length: 200 }, (_, n) => (n * 77) % 200);
      const pushes = times.map((time) => {
        const at = new Date(Date.UTC(2026, 0, 1) + time * 1000).toISOString();
        return client.call(WRITE, writeRequest('counts', { ...row, event_timestamp: at, n: String(time) }));
      });
      await Promise.all(pushes);
      const [newest] = await store.onlineRead(table, [thing(1)]);
      assert.equal(Buffer.from(newest?.values.get('n') ?? []).toString('hex'), '20c701');
    });

    it('are refused with a status, the code and the culprit', async () => {
      await serve(true);
      const bad = pushRequest({ streamFeatureView: 'live', features: { ...row, n: 'hunter2' } });
      const { status, code, message } = await refusalOf(client.call(PUSH, bad));
      assert.deepEqual([status, code], ['INVALID_ARGUMENT', 'INGEST_BAD_VALUE']);
      assert.match(message, /^Feature view "counts", column "n": INT64 takes a whole number, but got a string\.$/);
      const unknown = pushRequest({ streamFeatureView: 'nope', features: row });
      assert.equal((await refusalOf(client.call(PUSH, unknown))).status, 'NOT_FOUND');
    });

    it('are PERMISSION_DENIED where writing is turned off', async () => {
      await serve(false);
      const refusals = [
        await refusalOf(client.call(PUSH, pushRequest({ streamFeatureView: 'live', features: row }))),
        await refusalOf(client.call(WRITE, writeRequest('counts', row))),
      ];
      for (const { status, code } of refusals) {
        assert.deepEqual([status, code], ['PERMISSION_DENIED', 'INGEST_WRITES_OFF']);
      }
      assert.deepEqual(await store.onlineRead(table, [thing(1)]), [undefined]);
    });
  });
}
