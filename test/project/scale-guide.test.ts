import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import { SqliteOnlineStore, SqliteOnlineStoreConfig } from '../../src/stores/sqlite/sqlite-online-store.ts';
import { double } from '../support/feature-values.ts';
import { tableWith } from '../support/golden-stores.ts';
import { projectRoot } from '../support/project-root.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { changeOf, driverKey } from '../support/store-rows.ts';
import { ENTITY_SHAPES, entityBytesByFormula, storedEntityBytes } from '../support/stored-sizes.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const guide = readFileSync(join(projectRoot, 'docs', 'guide', 'scale.md'), 'utf8');
const RAISED = ['--hash-max-listpack-value', '256', '--hash-max-listpack-entries', '1024'];
/** Allocators of other builds round otherwise. */
const TOLERANCE = 0.08;

describe('docs/guide/scale.md', function () {
  this.timeout(60_000);
  const folder = useTempFolder();
  let servers: readonly RedisServer[] = [];

  before(async () => {
    servers = await Promise.all([[], RAISED].map((args) => startRedisServer({ args })));
  });

  after(() => Promise.all(servers.map((server) => server.remove())));

  it('says what an entity takes in Redis, and by which formula', async () => {
    const [, table = ''] = /<!-- scale:redis -->(.*?)<!-- \/scale:redis -->/s.exec(guide) ?? [];
    const rows = [...table.matchAll(/^\| (.+?) \| ([\d,]+) \| ([\d,]+) \|$/gm)].map((match) => match.slice(1));
    assert.deepEqual(
      rows.map(([name]) => name),
      ENTITY_SHAPES.map(({ name }) => name),
    );
    for (const [index, shape] of ENTITY_SHAPES.entries()) {
      const said = rows[index]?.slice(1).map((text) => Number(text.replaceAll(',', ''))) ?? [];
      const measured = await Promise.all(servers.map((server) => storedEntityBytes(server, shape, 100)));
      const where = `${shape.name}: ${measured.join(' and ')} were measured`;
      for (const [column, bytes] of measured.entries()) assertNear(said[column], bytes, where);
      const [, packed = 0] = measured;
      const estimate = entityBytesByFormula(shape);
      assert.ok(packed > estimate * 0.95 && packed < estimate * 1.25, `${where}, and ${estimate} estimated`);
    }
  });

  it('says what a double takes in SQLite', async () => {
    const context = { project: 'shop', repoPath: folder(), warn: () => {} };
    const store = new SqliteOnlineStore(SqliteOnlineStoreConfig.parse({ path: 'o.db' }), context);
    const names = Array.from({ length: 50 }, (_, index) => `feature_${index}`);
    const table = tableWith('shop', 'view_0', ['driver_id'], names);
    await store.update(changeOf({ tablesToKeep: [table] }));
    const rows = Array.from({ length: 1000 }, (_, entity) => ({
      entityKey: driverKey(entity),
      eventTimestamp: { seconds: 1_768_000_000, nanos: 0 },
      values: new Map(
        names.map((name, index) => [name, toBinary(ValueSchema, double((entity * 31 + index) / 7))] as const),
      ),
    }));
    await store.onlineWriteBatch(table, rows);
    await store.close();
    const [, said] = /A double takes about (\d+) bytes/.exec(guide) ?? [];
    assertNear(Number(said), statSync(join(folder(), 'o.db')).size / 50_000, 'SQLite');
  });
});

function assertNear(said: number | undefined, measured: number, what: string): void {
  assert.ok(said !== undefined && Math.abs(said / measured - 1) < TOLERANCE, `${what}; the guide says ${said}`);
}
