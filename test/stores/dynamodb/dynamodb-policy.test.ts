import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DynamoDBOnlineStore } from '../../../src/stores/dynamodb/dynamodb-online-store.ts';
import { setAwsEnvironment } from '../../support/aws-environment.ts';
import { type DynamoProxy, startDynamoProxy } from '../../support/dynamodb-proxy.ts';
import { openDynamoStore, useFreshDatabase } from '../../support/dynamodb-store.ts';
import { tableWith } from '../../support/golden-stores.ts';
import type { LoopbackServer } from '../../support/loopback-server.ts';
import { startMoto } from '../../support/moto-server.ts';
import { projectRoot } from '../../support/project-root.ts';
import { changeOf, driverKey, driverRow, storedDriver, storeErrorOf } from '../../support/store-rows.ts';

const table = tableWith('shop', 'stats', ['driver_id'], ['trips']);
const page = readFileSync(join(projectRoot, 'docs', 'reference', 'stores', 'dynamodb.md'), 'utf8');
interface Policy {
  readonly Statement: readonly { readonly Action: string }[];
}

/** moto checks the actions, if not the resources, of requests against the policies of IAM users, as AWS does. */
describe('the permissions on the page of DynamoDB', function () {
  this.timeout(180_000);
  let moto: LoopbackServer;
  let proxy: DynamoProxy;
  let store: DynamoDBOnlineStore | undefined;
  let restore = (): void => {};

  before(async function () {
    moto = await startMoto(this);
    proxy = await startDynamoProxy(moto.port);
  });

  after(async () => {
    await proxy?.close();
    await moto?.stop();
  });

  useFreshDatabase();

  beforeEach(async () => {
    await post('/moto-api/reset-auth', 'inf');
    await post('/moto-api/reset', '');
  });

  afterEach(async () => {
    await store?.close();
    restore();
  });

  const post = async (path: string, body: string, headers = {}): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${moto.port}${path}`, { method: 'POST', body, headers });
    const text = await answer.text();
    assert.ok(answer.ok, text);
    return text;
  };

  const iam = (action: string, parameters: Readonly<Record<string, string>>): Promise<string> =>
    post('/', new URLSearchParams({ Action: action, Version: '2010-05-08', ...parameters }).toString(), {
      'content-type': 'application/x-www-form-urlencoded',
      authorization:
        'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0',
    });

  /** Opens a store as a user who has this policy and no other; from then on moto checks. */
  const openAs = async (policy: object): Promise<DynamoDBOnlineStore> => {
    await iam('CreateUser', { UserName: 'sidecar' });
    const document = JSON.stringify({ Version: '2012-10-17', ...policy });
    await iam('PutUserPolicy', { UserName: 'sidecar', PolicyName: 'least', PolicyDocument: document });
    const key = await iam('CreateAccessKey', { UserName: 'sidecar' });
    restore = setAwsEnvironment(/<AccessKeyId>(.+?)</.exec(key)?.[1]);
    process.env.AWS_SECRET_ACCESS_KEY = /<SecretAccessKey>(.+?)</.exec(key)?.[1];
    await post('/moto-api/reset-auth', '0');
    store = open();
    return store;
  };

  const open = () => openDynamoStore(proxy.url);

  /** Makes the table and its rows while nothing is checked. */
  const fill = async (): Promise<void> => {
    const owner = open();
    await owner.update(changeOf({ tablesToKeep: [table] }));
    await owner.onlineWriteBatch(table, [driverRow(1, 100, { trips: 1 })]);
    await owner.close();
  };

  it('serve with the least policy, which allows nothing else', async () => {
    await fill();
    const policy = JSON.parse(/```json\n(\{\n {2}"Version"[\s\S]*?)```/.exec(page)?.[1] ?? '') as Policy;
    const sidecar = await openAs({ Statement: policy.Statement.map((each) => ({ ...each, Resource: '*' })) });
    await sidecar.ping();
    assert.deepEqual(await storedDriver(sidecar, table, 1), { seconds: 100, trips: '2001' });
    await sidecar.ping();
    const write = sidecar.onlineWriteBatch(table, [driverRow(1, 100, { trips: 1 })]);
    assert.match(
      (await storeErrorOf(write, 'STORE_PERMISSION_DENIED')).message,
      /dynamodb:BatchWriteItem on table shop\.stats/,
    );
    const apply = sidecar.update(changeOf({ tablesToKeep: [table] }));
    assert.match(
      (await storeErrorOf(apply, 'STORE_PERMISSION_DENIED')).message,
      /dynamodb:DescribeTable on table shop\.stats/,
    );
  });

  it('suffice for what they are said to be needed for', async () => {
    const named = (row: string): string[] => {
      const line = page.split('\n').find((each) => each.startsWith(`| ${row}`)) ?? '';
      return [...line.matchAll(/`(dynamodb:\w+)`/g)].map(([, action = '']) => action);
    };
    const needed = [
      '`write`',
      '`write --newest-only`',
      '`apply` where',
      'see in',
      '`apply` that makes',
      '`apply` that removes',
    ].flatMap(named);
    assert.deepEqual(needed, [
      'dynamodb:BatchWriteItem',
      'dynamodb:PutItem',
      'dynamodb:DescribeTable',
      'dynamodb:ListTables',
      'dynamodb:DescribeTable',
      'dynamodb:CreateTable',
      'dynamodb:TagResource',
      'dynamodb:DeleteTable',
    ]);
    const sidecar = await openAs({ Statement: [{ Effect: 'Allow', Action: needed, Resource: '*' }] });
    await sidecar.update(changeOf({ tablesToKeep: [{ ...table, tags: { team: 'ml' } }] }));
    await sidecar.update(changeOf({ tablesToKeep: [{ ...table, tags: { team: 'ml' } }] }));
    await sidecar.onlineWriteBatch(table, [driverRow(1, 100, { trips: 1 })]);
    await sidecar.onlineWriteBatch(table, [driverRow(1, 200, { trips: 1 })], undefined, { newestOnly: true });
    assert.deepEqual(await sidecar.listTables?.('shop'), ['stats']);
    await sidecar.teardown([table], []);
    await storeErrorOf(sidecar.onlineRead(table, [driverKey(1)]), 'STORE_PERMISSION_DENIED');
  });

  it('are asked for by a secret that fits the key', async () => {
    await fill();
    const sidecar = await openAs({ Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] });
    await sidecar.ping();
    await sidecar.close();
    process.env.AWS_SECRET_ACCESS_KEY = 'of somebody else';
    store = open();
    const error = await storeErrorOf(store.onlineRead(table, [driverKey(1)]), 'STORE_AUTH_FAILED');
    assert.match(error.describe(), /refused the credentials.*belong together/s);
  });
});
