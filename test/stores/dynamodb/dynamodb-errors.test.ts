import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { serializeEntityKey } from '../../../src/encoding/entity-key.ts';
import type { DynamoDBOnlineStore } from '../../../src/stores/dynamodb/dynamodb-online-store.ts';
import { importSdk } from '../../../src/stores/dynamodb/dynamodb-sdk.ts';
import { RowBlock } from '../../../src/stores/row-block.ts';
import type { StoreErrorCode } from '../../../src/stores/store-error.ts';
import { setAwsEnvironment } from '../../support/aws-environment.ts';
import { type JsonItem, RawDynamo } from '../../support/dynamodb-items.ts';
import { type DynamoProxy, type ProxiedAnswer, refusal, startDynamoProxy } from '../../support/dynamodb-proxy.ts';
import { sharedDynamoServer } from '../../support/dynamodb-server.ts';
import { openDynamoStore, useFreshDatabase } from '../../support/dynamodb-store.ts';
import { tableWith } from '../../support/golden-stores.ts';
import { changeOf, driverKey, driverRow, storeErrorOf } from '../../support/store-rows.ts';

const table = tableWith('p', 'stats', ['driver_id'], ['trips']);
const other = tableWith('p', 'orders', ['driver_id'], ['trips']);

describe('errors of the DynamoDB store', () => {
  let url = '';
  let proxy: DynamoProxy;
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
  });

  afterEach(async () => {
    proxy.intervene(undefined);
    await store.close();
  });

  const read = (): Promise<unknown> => store.onlineRead(table, [driverKey(1)]);
  const readBoth = (): Promise<unknown> => {
    const keys = [serializeEntityKey(driverKey(1))];
    return store.readMany(
      [table, other].map((each) => ({ table: each, features: ['trips'], keys, block: new RowBlock(1, 1) })),
    );
  };
  const write = (): Promise<unknown> => store.onlineWriteBatch(table, [driverRow(1, 1, { trips: 1 })]);
  const apply = (): Promise<unknown> => store.update(changeOf({ tablesToKeep: [table] }));

  describe('of credentials', () => {
    it('say that there are none, and how to give some', async () => {
      const restore = setAwsEnvironment();
      try {
        const error = await storeErrorOf(read(), 'STORE_AUTH_FAILED');
        assert.match(error.describe(), /no AWS credentials were found.*AWS_ACCESS_KEY_ID/s);
      } finally {
        restore();
      }
    });

    it('say that the server refuses them', async () => {
      const restore = setAwsEnvironment('not a key!');
      try {
        const error = await storeErrorOf(read(), 'STORE_AUTH_FAILED');
        assert.match(error.message, /refused the credentials \(UnrecognizedClientException\)/);
      } finally {
        restore();
      }
    });

    for (const name of ['InvalidSignatureException', 'ExpiredTokenException', 'IncompleteSignatureException']) {
      it(`never repeat what ${name} says`, async () => {
        proxy.intervene(async () =>
          refusal(name, 'The canonical string should have been x-amz-security-token:SESAME-4711'),
        );
        const error = await storeErrorOf(read(), 'STORE_AUTH_FAILED');
        assert.ok(!inspect(error, { depth: 10, showHidden: true }).includes('SESAME'));
        assert.ok(error.message.includes(name));
      });
    }

    it('never hold the secret key', async () => {
      const secret = process.env.AWS_SECRET_ACCESS_KEY ?? '';
      assert.ok(secret !== '');
      proxy.intervene(async () => refusal('ValidationException', 'no'));
      const error = await storeErrorOf(read(), 'STORE_FAILED');
      assert.ok(!inspect(error, { depth: 10, showHidden: true }).includes(secret));
    });
  });

  describe('of permissions', () => {
    // As AWS says it, of a role that was assumed.
    const denied = (action: string, resource: string) =>
      refusal(
        'AccessDeniedException',
        `User: arn:aws:sts::111122223333:assumed-role/pod/x is not authorized to perform: dynamodb:${action} on resource: ` +
          `arn:aws:dynamodb:us-east-1:111122223333:table/${resource} because no identity-based policy allows it`,
      );

    for (const [action, call] of [
      ['BatchGetItem', read],
      ['BatchWriteItem', write],
      ['DescribeTable', apply],
      ['CreateTable', apply],
      ['DeleteTable', () => store.teardown([table], [])],
    ] as const) {
      it(`name the table and what to grant for ${action}`, async () => {
        proxy.intervene(async (each, forward) => (each.action === action ? denied(action, 'p.stats') : forward()));
        const error = await storeErrorOf(call(), 'STORE_PERMISSION_DENIED');
        assert.match(error.message, new RegExp(`does not allow dynamodb:${action} on table p\\.stats`));
        assert.match(error.hint ?? '', new RegExp(`^Grant dynamodb:${action}`));
      });
    }

    it('name the one of several tables that AWS names', async () => {
      proxy.intervene(async () => denied('BatchGetItem', 'p.orders'));
      const call = readBoth();
      assert.match((await storeErrorOf(call, 'STORE_PERMISSION_DENIED')).message, /on table p\.orders/);
    });

    it('are none when the store answers but may not list tables', async () => {
      proxy.intervene(async () => denied('ListTables', '*'));
      await store.ping();
    });

    it('are a warning where tags may not be set', async () => {
      await apply();
      const warnings: string[] = [];
      await store.close();
      store = openDynamoStore(proxy.url, { config: { tags: { team: 'ml' } }, warn: (text) => warnings.push(text) });
      proxy.intervene(async (each, forward) =>
        each.action === 'TagResource' ? denied('TagResource', 'p.stats') : forward(),
      );
      await apply();
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] ?? '', /Table p\.stats keeps the tags that it has.*dynamodb:TagResource/);
    });
  });

  describe('of tables', () => {
    it('name the table that is missing, also among several', async () => {
      await apply();
      assert.match(
        (await storeErrorOf(store.onlineRead(other, [driverKey(1)]), 'STORE_TABLE_MISSING')).describe(),
        /p\.orders.*apply/s,
      );
      const error = await storeErrorOf(readBoth(), 'STORE_TABLE_MISSING');
      assert.match(error.message, /has no table p\.orders\.$/);
      await storeErrorOf(store.onlineWriteBatch(other, [driverRow(1, 1, { trips: 1 })]), 'STORE_TABLE_MISSING');
    });

    it('say that a table has other keys', async () => {
      const raw = await RawDynamo.open(url);
      await raw.createTable('p.stats', 'id');
      await raw.createTable('p.orders', 'entity_id', 'N');
      raw.close();
      for (const call of [read, write, apply]) await storeErrorOf(call(), 'STORE_WRONG_LAYOUT');
      await storeErrorOf(store.update(changeOf({ tablesToKeep: [other] })), 'STORE_WRONG_LAYOUT');
    });

    it('refuse names that DynamoDB does not allow', async () => {
      const view = tableWith('p', 'größe', ['driver_id'], ['trips']);
      const error = await storeErrorOf(store.onlineRead(view, [driverKey(1)]), 'STORE_INVALID_ROW');
      assert.match(error.message, /no table named "p\.größe"/);
      // It cannot be there, so there is nothing to remove.
      await store.teardown([view], []);
    });
  });

  describe('of what is stored', () => {
    const items: readonly (readonly [string, JsonItem, StoreErrorCode])[] = [
      ['has no time', { values: { M: {} } }, 'STORE_WRONG_LAYOUT'],
      ['has a time that is a number', { event_ts: { N: '5' }, values: { M: {} } }, 'STORE_WRONG_LAYOUT'],
      ['has a time that is none', { event_ts: { S: '2026-13-41 00:00:00+00:00' }, values: { M: {} } }, 'STORE_CORRUPT'],
      ['has a time of digits', { event_ts: { S: '1768032000' }, values: { M: {} } }, 'STORE_CORRUPT'],
      [
        'holds a text as a feature',
        { event_ts: { S: '2026-01-10 08:00:00+00:00' }, values: { M: { trips: { S: 'x' } } } },
        'STORE_WRONG_LAYOUT',
      ],
    ];

    for (const [says, item, code] of items) {
      it(`say that an item ${says}`, async () => {
        await apply();
        await write();
        const raw = await RawDynamo.open(url);
        const [stored] = await raw.scan('p.stats');
        await raw.put('p.stats', { entity_id: stored?.entity_id ?? {}, ...item });
        raw.close();
        const error = await storeErrorOf(read(), code);
        assert.match(error.message, /feature view "stats" of project "p"/);
      });
    }

    it('are none for an item without values, and for a time in another zone', async () => {
      await apply();
      await write();
      const raw = await RawDynamo.open(url);
      const [stored] = await raw.scan('p.stats');
      await raw.put('p.stats', { entity_id: stored?.entity_id ?? {}, event_ts: { S: '2026-01-10 08:00:00.5+02:00' } });
      raw.close();
      const [row] = await store.onlineRead(table, [driverKey(1)]);
      assert.deepEqual(row?.eventTimestamp, { seconds: Date.UTC(2026, 0, 10, 6) / 1000, nanos: 500_000_000 });
      assert.equal(row?.values.size, 0);
    });

    it('refuse a row that is too large, by its number', async () => {
      await apply();
      const large = { ...driverRow(2, 1, {}), values: new Map([['trips', new Uint8Array(410_000)]]) };
      const call = store.onlineWriteBatch(table, [driverRow(1, 1, { trips: 1 }), large]);
      assert.match((await storeErrorOf(call, 'STORE_INVALID_ROW')).message, /^Row 1 of .* is larger than 400 KB/);
    });

    it('refuse a time that Python cannot hold', async () => {
      await apply();
      const call = store.onlineWriteBatch(table, [driverRow(1, 253_402_300_800, { trips: 1 })]);
      await storeErrorOf(call, 'STORE_INVALID_ROW');
    });
  });

  describe('of answers', () => {
    const answers: readonly (readonly [string, ProxiedAnswer['body']])[] = [
      ['of another table', { Responses: { 'p.other': [] } }],
      ['with an item that was not asked for', { Responses: { 'p.stats': [{ entity_id: { S: 'x' } }] } }],
      ['with an item without a key', { Responses: { 'p.stats': [{}] } }],
      ['with unprocessed keys of another table', { UnprocessedKeys: { 'p.other': { Keys: [] } } }],
    ];

    for (const [says, body] of answers) {
      it(`never take one ${says} for a row`, async () => {
        proxy.intervene(async () => ({ status: 200, body }));
        await storeErrorOf(read(), 'STORE_CORRUPT');
      });
    }
  });

  for (const status of [403, 502]) {
    it(`name the status ${status} of something that is not DynamoDB`, async () => {
      let calls = 0;
      proxy.intervene(async () => {
        calls++;
        return { status, body: {}, contentType: 'text/html' };
      });
      const error = await storeErrorOf(read(), 'STORE_UNAVAILABLE');
      assert.match(error.describe(), new RegExp(`HTTP status ${status} in another form.*endpoint_url`, 's'));
      assert.equal(calls, status === 502 ? 3 : 1);
    });
  }

  it('name the command that installs a missing SDK', async () => {
    const name = '@aws-sdk/client-that-is-not-there';
    const error = await storeErrorOf(importSdk(name), 'STORE_UNAVAILABLE');
    assert.match(error.message, new RegExp(`"dynamodb" needs the package ${name}, which is not installed`));
    assert.equal(error.hint, `Install it beside sideboard: npm install ${name}`);
  });

  it('name the address that does not resolve, and one that speaks no TLS', async () => {
    await store.close();
    store = openDynamoStore('http://no-such-host.invalid:8000');
    assert.match(
      (await storeErrorOf(read(), 'STORE_UNAVAILABLE')).message,
      /DynamoDB at no-such-host\.invalid:8000 cannot be reached \((ENOTFOUND|EAI_AGAIN)\)/,
    );
    await store.close();
    store = openDynamoStore(url.replace('http:', 'https:'));
    assert.match((await storeErrorOf(read(), 'STORE_UNAVAILABLE')).message, /over TLS/);
  });
});
