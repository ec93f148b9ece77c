import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { EntityKeySchema } from '../../gen/feast/types/EntityKey_pb.ts';
import { ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { serializeEntityKey } from '../../src/encoding/entity-key.ts';
import { runCli } from '../support/cli-run.ts';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { createSqliteRepo, removeViewFromRegistry } from '../support/golden-repo.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';

const ROW = '{"customer_id": "c-1", "clicks": 9007199254740993, "event_timestamp": "2026-01-10T08:00:00.123456Z"}\n';

describe('the command line on Redis', () => {
  let redis: RedisServer;
  let repo: FeatureRepo;

  before(async () => {
    redis = await startRedisServer();
  });

  after(() => redis.remove());

  beforeEach(async () => {
    await redis.client.flushall();
    const connection = { type: 'redis', connection_string: `127.0.0.1:${redis.port}` };
    repo = createSqliteRepo('multiview', { online_store: connection });
  });

  afterEach(() => repo.remove());

  const sideboard = (args: readonly string[], input = '') => runCli([...args, '--repo', repo.path], { input });
  const write = () => sideboard(['write', 'live_counters', '-', '--format', 'jsonl'], ROW);
  const getClicks = () => sideboard(['get', '--features', 'live_counters:clicks', '--entity', 'customer_id=c-1']);

  it('reads what it wrote', async () => {
    const written = await write();
    assert.equal(written.stderr, '');
    assert.match(written.stdout, /^1 row of live_counters written in \d/);
    const { stdout } = await getClicks();
    assert.match(stdout, /\nc-1 +clicks +9007199254740993 +OUTSIDE_MAX_AGE +2026-01-10T08:00:00\.123456Z\n/);
  });

  it('says that nothing has to be created', async () => {
    const { status, stdout } = await sideboard(['apply']);
    assert.equal(status, 0);
    assert.match(stdout, /\nlive_counters +customer_id +ready\n/);
  });

  it('does not call ready what it cannot reach', async () => {
    const text = readFileSync(join(repo.path, 'feature_store.yaml'), 'utf8');
    writeFileSync(join(repo.path, 'feature_store.yaml'), text.replace(`127.0.0.1:${redis.port}`, '127.0.0.1:1'));
    const { status, stdout, stderr } = await sideboard(['apply']);
    assert.notEqual(status, 0);
    assert.match(stderr, /error STORE_UNAVAILABLE: Redis at 127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)/);
    assert.doesNotMatch(stdout, /ready/);
  });

  it("does not call ready what it cannot reach of mlforge's rows either", async () => {
    const other = createSqliteRepo('multiview', {
      online_store: { type: 'mlforge_redis', host: '127.0.0.1', port: 1 },
    });
    try {
      const { status, stdout, stderr } = await runCli(['apply', '--repo', other.path]);
      assert.notEqual(status, 0);
      assert.match(stderr, /error STORE_UNAVAILABLE: Redis at 127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)/);
      assert.doesNotMatch(stdout, /ready/);
    } finally {
      other.remove();
    }
  });

  it('removes the rows of views that an earlier registry had, and of all views', async () => {
    await write();
    const profile = '{"customer_id": "c-1", "age": 3, "score": 1, "name": "n", "event_timestamp": "2026-01-10"}\n';
    await sideboard(['write', 'customer_profile', '-', '--format', 'jsonl'], profile);
    const registry = join(repo.path, 'data/registry.db');
    copyFileSync(registry, join(repo.path, 'before.db'));
    removeViewFromRegistry(registry, 'live_counters');
    const args = ['apply', '--previous-registry', join(repo.path, 'before.db'), '--yes'];
    assert.match((await sideboard(args)).stdout, /\nlive_counters +customer_id +removed\n/);
    const [key = Buffer.alloc(0)] = await redis.client.keysBuffer('*');
    const fields = await redis.client.hkeys(key);
    assert.deepEqual(
      fields.filter((field) => field.startsWith('_ts:')),
      ['_ts:customer_profile'],
    );
    assert.equal((await sideboard(['teardown', '--yes'])).status, 0);
    assert.equal(await redis.client.dbsize(), 0);
  });

  it('finds rows of the older key serialization, and says what to do', async () => {
    const doctor = async () => sideboard(['doctor']);
    assert.match((await doctor()).stdout, /warning {2}rows +live_counters: no rows were seen/);
    await write();
    const fresh = await doctor();
    assert.match(fresh.stdout, /ok +rows +live_counters: keys of version 3 \(1 sampled\)/);
    assert.equal(fresh.status, 0);

    const entityValues = [create(ValueSchema, { val: { case: 'stringVal', value: 'old' } })];
    const older = serializeEntityKey(create(EntityKeySchema, { joinKeys: ['customer_id'], entityValues }), 2);
    await redis.client.hset(Buffer.concat([older, Buffer.from('shop')]), '_ts:live_counters', '');
    const { status, stdout } = await doctor();
    assert.match(
      stdout,
      /FAILED +rows +live_counters: 1 of 2 sampled keys are of serialization version 2\n.*fallback: v2/,
    );
    assert.equal(status, exitCodes.store.code);

    writeFileSync(join(repo.path, 'feature_store.yaml'), 'sideboard: {entity_key_fallback: v2}\n', { flag: 'a' });
    assert.equal((await doctor()).status, 0);
  });

  it('tells apart a store that is down and a password that is missing, and shows no secret', async () => {
    await redis.client.config('SET', 'requirepass', 'hunter2');
    try {
      const refused = await getClicks();
      assert.match(refused.stderr, /^error STORE_AUTH_FAILED: /);
      assert.equal(refused.status, exitCodes.store.code);
    } finally {
      await redis.client.config('SET', 'requirepass', '');
    }
    const down = { type: 'redis', connection_string: '127.0.0.1:1,password=hunter2' };
    const unreachable = createSqliteRepo('multiview', { online_store: down });
    try {
      const args = ['get', '--features', 'live_counters:clicks', '--entity', 'customer_id=c-1', '--verbose'];
      const { status, stderr } = await runCli([...args, '--repo', unreachable.path]);
      assert.match(stderr, /^error STORE_UNAVAILABLE: .*127\.0\.0\.1:1/);
      assert.doesNotMatch(stderr, /hunter2/);
      assert.equal(status, exitCodes.store.code);
      const doctor = await runCli(['doctor', '--repo', unreachable.path]);
      assert.match(doctor.stdout, /FAILED +store +STORE_UNAVAILABLE: /);
      assert.equal(doctor.status, exitCodes.store.code);
    } finally {
      unreachable.remove();
    }
  });
});
