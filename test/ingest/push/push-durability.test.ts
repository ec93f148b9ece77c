import assert from 'node:assert/strict';
import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import { SideboardError } from '../../../src/errors.ts';
import type { StoredRow } from '../../../src/stores/online-store.ts';
import { onlineTableFromView } from '../../../src/stores/online-table.ts';
import { RedisOnlineStore, RedisOnlineStoreConfig } from '../../../src/stores/redis/redis-online-store.ts';
import { pushInto, thing, writeRequest } from '../../support/push-project.ts';
import { pushedSnapshot } from '../../support/push-registry.ts';
import { startRedisServer, waitFor } from '../../support/redis-server.ts';

const CALLERS = 8;

describe('a Redis that is killed under a stream of pushes', function () {
  this.timeout(60_000);

  it('has every push that was acknowledged when it is back, and those that fail say that it was not there', async () => {
    const server = await startRedisServer({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
    const snapshot = pushedSnapshot([{ name: 'counts', features: { n: ValueType_Enum.INT64 } }]);
    const view = snapshot.views.get('counts');
    assert.ok(view);
    const store = new RedisOnlineStore(
      RedisOnlineStoreConfig.parse({ connection_string: `127.0.0.1:${server.port}` }),
      { project: 'p', repoPath: '/', warn: () => {} },
    );
    try {
      const push = pushInto(store, snapshot);
      const acknowledged: number[] = [];
      const failures: unknown[] = [];
      let next = 1;
      let isDead = false;
      let killed: Promise<void> | undefined;
      const caller = async (): Promise<void> => {
        for (;;) {
          const id = next++;
          const row = writeRequest('counts', {
            id: String(id),
            event_timestamp: '2026-06-01T00:00:00Z',
            n: String(id),
          });
          try {
            await push.writeToOnlineStore(row, { deadline: Date.now() + 5_000 });
            acknowledged.push(id);
          } catch (error) {
            failures.push(error);
            if (isDead) return;
          }
          if (acknowledged.length > 300) {
            killed ??= server.stop().then(() => {
              isDead = true;
            });
          }
        }
      };
      await Promise.all(Array.from({ length: CALLERS }, caller));
      await killed;
      for (const error of failures) {
        assert.ok(error instanceof SideboardError, String(error));
        assert.equal(error.code, 'STORE_UNAVAILABLE', error.message);
        assert.equal(error.kind, 'unavailable');
      }
      assert.ok(failures.length >= CALLERS);
      await server.start();
      const table = onlineTableFromView(view, 'p', 0);
      let rows: readonly (StoredRow | undefined)[] = [];
      await waitFor(async () => {
        rows = await store.onlineRead(table, acknowledged.map(thing));
      }, 'reading');
      const lost = acknowledged.filter((_, index) => rows[index]?.values.get('n') === undefined);
      assert.deepEqual(lost, []);
      const newer = writeRequest('counts', { id: '1', event_timestamp: '2026-06-02T00:00:00Z', n: '1' });
      await waitFor(() => push.writeToOnlineStore(newer), 'writing');
    } finally {
      await store.close();
      await server.remove();
    }
  });
});
