import assert from 'node:assert/strict';
import type { DynamoDBOnlineStore } from '../../../src/stores/dynamodb/dynamodb-online-store.ts';
import type { OnlineTable } from '../../../src/stores/online-store.ts';
import { RawDynamo } from '../../support/dynamodb-items.ts';
import { type DynamoProxy, refusal, startDynamoProxy } from '../../support/dynamodb-proxy.ts';
import { sharedDynamoServer } from '../../support/dynamodb-server.ts';
import { openDynamoStore, useFreshDatabase } from '../../support/dynamodb-store.ts';
import { tableWith } from '../../support/golden-stores.ts';
import type { LoopbackServer } from '../../support/loopback-server.ts';
import { startMoto } from '../../support/moto-server.ts';
import { changeOf, driverKey, driverRow, storeErrorOf } from '../../support/store-rows.ts';

const table = tableWith('p', 'stats', ['driver_id'], ['trips']);

describe('tables of the DynamoDB store', () => {
  let proxy: DynamoProxy;
  let url = '';
  let store: DynamoDBOnlineStore;

  before(async function () {
    this.timeout(60_000);
    const server = await sharedDynamoServer();
    url = server.url;
    proxy = await startDynamoProxy(server.port);
  });

  after(() => proxy?.close());

  useFreshDatabase();

  beforeEach(() => {
    store = openDynamoStore(proxy.url);
    proxy.calls.length = 0;
  });

  afterEach(async () => {
    proxy.intervene(undefined);
    await store.close();
  });

  const apply = (tables: readonly OnlineTable[] = [table]) => store.update(changeOf({ tablesToKeep: tables }));
  const actions = (): string[] => proxy.calls.map(({ action }) => action);
  /** What DescribeTable says, with another status. */
  const withStatus = (body: Readonly<Record<string, unknown>>, TableStatus: string) => ({
    status: 200,
    body: { Table: { ...(body.Table as object), TableStatus } },
  });

  it('are looked at first, and made only where they are missing', async () => {
    await apply();
    assert.deepEqual(actions(), ['DescribeTable', 'CreateTable', 'DescribeTable']);
    proxy.calls.length = 0;
    // Whoever may not make tables can still apply where they exist.
    proxy.intervene(async (call, forward) =>
      call.action === 'CreateTable' ? refusal('AccessDeniedException') : forward(),
    );
    await apply();
    assert.deepEqual(actions(), ['DescribeTable']);
  });

  it('are waited for until they can be used', async () => {
    let describes = 0;
    proxy.intervene(async (call, forward) => {
      const answer = await forward();
      if (call.action !== 'DescribeTable' || answer.status !== 200) return answer;
      describes++;
      return describes < 3 ? withStatus(answer.body, 'CREATING') : answer;
    });
    await apply();
    assert.equal(describes, 3);
  });

  it('that take too long are an error', async () => {
    await store.close();
    store = openDynamoStore(proxy.url, { settings: { table_timeout_ms: 100 } });
    proxy.intervene(async (call, forward) => {
      const answer = await forward();
      return call.action === 'DescribeTable' && answer.status === 200 ? withStatus(answer.body, 'CREATING') : answer;
    });
    const error = await storeErrorOf(apply(), 'STORE_TIMEOUT');
    assert.match(error.describe(), /Table p\.stats took longer than 100 ms until it can be used.*table_timeout_ms/s);
  });

  it('that somebody else makes at the same moment are taken', async () => {
    const raw = await RawDynamo.open(url);
    proxy.intervene(async (call, forward) => {
      if (call.action === 'CreateTable') await raw.createTable('p.stats');
      return forward();
    });
    await apply();
    raw.close();
  });

  it('that are being removed are made again once they are gone', async () => {
    const raw = await RawDynamo.open(url);
    await raw.createTable('p.stats');
    let describes = 0;
    proxy.intervene(async (call, forward) => {
      const answer = await forward();
      if (call.action !== 'DescribeTable' || answer.status !== 200 || ++describes > 2) return answer;
      if (describes === 2) await raw.send('DeleteTable', { TableName: 'p.stats' });
      return withStatus(answer.body, 'DELETING');
    });
    await apply();
    assert.ok(actions().includes('CreateTable'));
    assert.deepEqual(await store.onlineRead(table, [driverKey(1)]), [undefined]);
    raw.close();
  });

  it('that are being changed are removed when that is over', async () => {
    await apply();
    let refused = 0;
    proxy.intervene(async (call, forward) =>
      call.action === 'DeleteTable' && ++refused === 1 ? refusal('ResourceInUseException') : forward(),
    );
    await store.teardown([table], []);
    assert.equal(refused, 2);
    await storeErrorOf(store.onlineRead(table, [driverKey(1)]), 'STORE_TABLE_MISSING');
  });

  it('that are protected stay, the others go', async () => {
    const other = { ...table, name: 'other' };
    await apply([table, other]);
    proxy.intervene(async (call, forward) =>
      call.action === 'DeleteTable' && call.body.TableName === 'p.stats'
        ? refusal(
            'ValidationException',
            'Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.',
          )
        : forward(),
    );
    const error = await storeErrorOf(store.teardown([table, other], []), 'STORE_PERMISSION_DENIED');
    assert.match(error.message, /protected against deletion on p\.stats/);
    assert.deepEqual(await store.listTables?.('p'), ['stats']);
  });

  it('are called as the template says, and found by it', async () => {
    await store.close();
    const template = 'feast-{{x}}_{project}.{table_name}';
    assert.throws(
      () => openDynamoStore(url, { config: { table_name_template: '{project}' } }),
      /\{table_name\} is missing/,
    );
    assert.throws(
      () => openDynamoStore(url, { config: { table_name_template: '{project}.{table}' } }),
      /\{table\} is neither/,
    );
    store = openDynamoStore(url, { config: { table_name_template: template } });
    await storeErrorOf(apply(), 'STORE_INVALID_ROW');
    await store.close();
    store = openDynamoStore(url, { config: { table_name_template: 'eu-{project}--{table_name}.online' } });
    await apply([table, { ...table, project: 'q' }]);
    await store.onlineWriteBatch(table, [driverRow(1, 1, { trips: 1 })]);
    const raw = await RawDynamo.open(url);
    assert.equal((await raw.scan('eu-p--stats.online')).length, 1);
    raw.close();
    assert.deepEqual(await store.listTables?.('p'), ['stats']);
    assert.deepEqual(await store.listTables?.('.'), []);
  });

  it('are not listed where their names do not tell projects apart', async () => {
    await store.close();
    store = openDynamoStore(url, { config: { table_name_template: 'feast.{table_name}' } });
    assert.equal(store.listTables, undefined);
  });

  it('are listed over several pages', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    await apply(names.map((name) => ({ ...table, name })));
    proxy.calls.length = 0;
    proxy.intervene((call, forward) => forward(call.action === 'ListTables' ? { ...call.body, Limit: 2 } : call.body));
    assert.deepEqual(await store.listTables?.('p'), names);
    assert.equal(actions().filter((action) => action === 'ListTables').length, 3);
  });

  describe('and their tags', function () {
    this.timeout(180_000);
    let moto: LoopbackServer;
    let raw: RawDynamo;

    before(async function () {
      moto = await startMoto(this);
    });

    after(() => moto?.stop());

    beforeEach(async () => {
      await store.close();
      await fetch(`http://127.0.0.1:${moto.port}/moto-api/reset`, { method: 'POST' });
      raw = await RawDynamo.open(`http://127.0.0.1:${moto.port}`);
    });

    afterEach(() => raw.close());

    const open = (tags?: Readonly<Record<string, string>>) => {
      store = openDynamoStore(`http://127.0.0.1:${moto.port}`, { config: tags === undefined ? {} : { tags } });
    };

    const tagsOf = async (name: string): Promise<unknown> => {
      const { Table } = await raw.send<{ Table: { TableArn: string } }>('DescribeTable', { TableName: name });
      const { Tags } = await raw.send<{ Tags: { Key: string; Value: string }[] }>('ListTagsOfResource', {
        ResourceArn: Table.TableArn,
      });
      return Object.fromEntries(Tags.map(({ Key, Value }) => [Key, Value]));
    };

    it("are the configuration's, and the view's own before them", async () => {
      open({ team: 'ml', stage: 'prod' });
      await apply([
        { ...table, tags: { stage: 'test', owner: 'ann' } },
        { ...table, name: 'plain' },
      ]);
      assert.deepEqual(await tagsOf('p.stats'), { team: 'ml', stage: 'test', owner: 'ann' });
      assert.deepEqual(await tagsOf('p.plain'), { team: 'ml', stage: 'prod' });
    });

    it('are added to tables that are there, beside what others set', async () => {
      open();
      await apply();
      assert.deepEqual(await tagsOf('p.stats'), {});
      const { Table } = await raw.send<{ Table: { TableArn: string } }>('DescribeTable', { TableName: 'p.stats' });
      await raw.send('TagResource', { ResourceArn: Table.TableArn, Tags: [{ Key: 'cost', Value: '42' }] });
      await store.close();
      open({ team: 'ml' });
      await apply();
      assert.deepEqual(await tagsOf('p.stats'), { cost: '42', team: 'ml' });
    });
  });
});
