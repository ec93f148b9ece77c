import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { DataSource_SourceType, DataSourceSchema } from '../../gen/feast/core/DataSource_pb.ts';
import {
  PermissionSpec_AuthzedAction as Action,
  type PermissionSchema,
  PermissionSchema as Schema,
} from '../../gen/feast/core/Permission_pb.ts';
import { RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { WriteToOnlineStoreRequestSchema } from '../../gen/feast/serving/GrpcServer_pb.ts';
import { ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { grpcServers } from '../../src/transports/grpc/start-grpc-server.ts';
import { untilAnnounced } from '../support/announced-process.ts';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { createSqliteRepo } from '../support/golden-repo.ts';
import { IngestStream } from '../support/ingest-client.ts';
import { createSigningKey, OidcProvider, signJwt } from '../support/oidc-provider.ts';
import {
  createOnlineFeaturesClient,
  FEATURE_SERVER_METHOD,
  type OnlineFeaturesClient,
  refusalOf,
  SERVING_METHOD,
} from '../support/online-features-client.ts';
import { pushRequest } from '../support/push-project.ts';
import { runSideboard, type ServingProcess, startProgram, startSideboard } from '../support/sideboard-process.ts';

const ASK = {
  features: ['driver_hourly_stats:city'],
  entities: { driver_id: [create(ValueSchema, { val: { case: 'int64Val', value: 1001n } })] },
};
const WRITE = toBinary(
  WriteToOnlineStoreRequestSchema,
  create(WriteToOnlineStoreRequestSchema, { featureViewName: 'driver_hourly_stats', allowRegistryCache: true }),
);
const FEATURES = 'conv_rate acc_rate avg_daily_trips trips_today is_active city last_seen token'.split(' ');
const PUSH_METHOD = '/GrpcFeatureServer/Push';
const WRITE_METHOD = '/GrpcFeatureServer/WriteToOnlineStore';
const PUSH = pushRequest({ streamFeatureView: 'live' });
/** No message of protobuf: the first field goes on behind the end. */
const GARBAGE = Buffer.from([0x0a, 0xff, 0x01]);

describe('a process with `auth`', function () {
  this.timeout(60_000);
  const key = createSigningKey('one');
  let folder: string;
  let provider: OidcProvider;
  let repo: FeatureRepo | undefined;
  let server: ServingProcess | undefined;
  let clients: OnlineFeaturesClient[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sideboard-auth-'));
    provider = await OidcProvider.start(folder);
    provider.publish(key);
  });
  after(async () => {
    await provider.stop();
    rmSync(folder, { recursive: true });
  });
  afterEach(async () => {
    for (const client of clients) client.close();
    clients = [];
    await server?.stop();
    server = undefined;
    repo?.remove();
  });

  /** A token for a caller with these roles. */
  const token = (roles: readonly string[], changes: object = {}) =>
    signJwt(key, {
      sub: 'ann',
      iss: provider.url,
      aud: 'features',
      exp: Math.floor(Date.now() / 1000) + 600,
      roles,
      ...changes,
    });

  function client(bearer: string | undefined): OnlineFeaturesClient {
    const identity = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
    const made = createOnlineFeaturesClient(server?.address ?? '', { 'grpc.use_local_subchannel_pool': 1 }, identity);
    clients.push(made);
    return made;
  }

  /** One batch by `sideboard.v1.Ingest/Write`: status, code and number of acknowledgements. */
  async function streamed(bearer: string | undefined): Promise<readonly unknown[]> {
    const stream = new IngestStream(server?.address ?? '', bearer === undefined ? bearer : `Bearer ${bearer}`);
    const nothing = FEATURES.map((name) => [name, { val: [{}] }]);
    const driver = { val: [create(ValueSchema, { val: { case: 'int64Val', value: 7n } })] };
    void stream.send({
      batchId: 1n,
      featureView: 'driver_hourly_stats',
      columns: { driver_id: driver, ...Object.fromEntries(nothing) },
      eventTimestamps: [{ seconds: 1n }],
    });
    const { code, sideboardCode } = await stream.finish();
    return [code, sideboardCode, stream.acks.length];
  }

  function createRepo(
    auth: object,
    sideboard: object,
    permissions: readonly MessageInitShape<typeof PermissionSchema>[],
  ) {
    const made = createSqliteRepo('simple', { auth, sideboard });
    const file = join(made.path, 'data/registry.db');
    const registry = fromBinary(RegistrySchema, readFileSync(file));
    const [view] = registry.featureViews;
    const project = view?.spec?.project ?? '';
    if (view?.spec !== undefined) {
      const { batchSource } = view.spec;
      const push = { type: DataSource_SourceType.PUSH_SOURCE, name: 'live', ...(batchSource && { batchSource }) };
      view.spec.streamSource = create(DataSourceSchema, push);
    }
    for (const { spec } of permissions) registry.permissions.push(create(Schema, { spec: { ...spec, project } }));
    writeFileSync(file, toBinary(RegistrySchema, registry));
    return made;
  }

  const oidc = () => ({
    type: 'oidc',
    auth_discovery_url: provider.discoveryUrl,
    ca_cert_path: provider.caFile,
    audience: 'features',
  });
  const rule = (role: string, actions: Action[]) => ({
    spec: {
      name: role,
      actions,
      policy: { policyType: { case: 'roleBasedPolicy' as const, value: { roles: [role] } } },
    },
  });

  for (const kind of Object.keys(grpcServers)) {
    it(`lets in by every door whom the registry's permissions let in, and nobody else, on ${kind}`, async () => {
      const rules = [rule('reader', [Action.READ_ONLINE]), rule('writer', [Action.WRITE_ONLINE])];
      repo = createRepo(oidc(), { grpc: { server: kind } }, rules);
      server = await startSideboard(repo.path, '--log-level', 'trace');
      const [reader, writer] = [token(['reader']), token(['writer'])];
      assert.equal((await client(reader).ask(ASK)).columns[1]?.statuses[0], 'PRESENT');
      assert.deepEqual(await client(writer).call(WRITE_METHOD, WRITE), Buffer.from([8, 1]));

      const denied = await refusalOf(client(writer).ask(ASK));
      assert.deepEqual([denied.status, denied.code], ['PERMISSION_DENIED', 'ACCESS_DENIED']);
      assert.match(denied.message, /READ_ONLINE on feature_view "driver_hourly_stats"/);
      const write = await refusalOf(client(reader).call(WRITE_METHOD, WRITE));
      assert.deepEqual([write.status, write.code], ['PERMISSION_DENIED', 'ACCESS_DENIED']);

      assert.deepEqual(await client(writer).call(PUSH_METHOD, PUSH), Buffer.from([8, 1]));
      const push = await refusalOf(client(reader).call(PUSH_METHOD, PUSH));
      assert.deepEqual([push.status, push.code], ['PERMISSION_DENIED', 'ACCESS_DENIED']);
      assert.deepEqual(await streamed(writer), [status.OK, undefined, 1]);
      assert.deepEqual(await streamed(reader), [status.PERMISSION_DENIED, 'ACCESS_DENIED', 0]);
      assert.deepEqual(await streamed(undefined), [status.UNAUTHENTICATED, 'AUTH_TOKEN_MISSING', 0]);

      for (const method of [SERVING_METHOD, FEATURE_SERVER_METHOD, PUSH_METHOD, WRITE_METHOD]) {
        const stranger = await refusalOf(client(undefined).call(method, GARBAGE));
        assert.deepEqual([stranger.status, stranger.code], ['UNAUTHENTICATED', 'AUTH_TOKEN_MISSING'], method);
        assert.equal((await refusalOf(client(writer).call(method, GARBAGE))).status, 'INVALID_ARGUMENT', method);
      }

      const expired = token(['reader'], { exp: Math.floor(Date.now() / 1000) - 100 });
      for (const [bearer, code] of [
        [undefined, 'AUTH_TOKEN_MISSING'],
        ['abc', 'AUTH_TOKEN_INVALID'],
        [expired, 'AUTH_TOKEN_EXPIRED'],
        [`${reader.slice(0, -6)}AAAAAA`, 'AUTH_TOKEN_INVALID'],
      ] as const) {
        const refused = await refusalOf(client(bearer).ask(ASK));
        assert.deepEqual([refused.status, refused.code], ['UNAUTHENTICATED', code]);
      }
      const health = await client(undefined).call('/grpc.health.v1.Health/Check', new Uint8Array());
      assert.deepEqual(health, Buffer.from([8, 1]));
      await server.stop();
      const output = server.output();
      server = undefined;
      for (const secret of [reader, writer, expired].flatMap((each) => each.split('.'))) {
        assert.ok(!output.includes(secret), 'a part of a token stands in the log');
      }
    });
  }

  it('knows the tokens of a file, with workers too, and denies what is not allowed where that is asked for', async () => {
    const digest = createHash('sha256').update('the-token-of-ann').digest('hex');
    writeFileSync(join(folder, 'tokens'), `ann:sha256:${digest}\n`);
    const auth = { tokens_file: join(folder, 'tokens') };
    repo = createRepo({ type: 'no_auth' }, { auth }, []);
    server = await startSideboard(repo.path, '--workers', '2');
    for (let at = 0; at < 4; at++) {
      assert.equal((await client('the-token-of-ann').ask(ASK)).columns[1]?.statuses[0], 'PRESENT');
      assert.equal((await refusalOf(client('the-token-of-bob').ask(ASK))).code, 'AUTH_TOKEN_INVALID');
    }
    await server.stop();
    repo.remove();
    repo = createRepo({ type: 'no_auth' }, { auth: { ...auth, default: 'deny' } }, []);
    server = await startSideboard(repo.path);
    assert.equal((await refusalOf(client('the-token-of-ann').ask(ASK))).code, 'ACCESS_DENIED');
  });

  it('lets nobody read the store by `sideboard connector` without a token', async () => {
    const tokens = join(folder, 'tokens');
    writeFileSync(tokens, 'ann:the-token-of-ann\n');
    repo = createRepo({ type: 'no_auth' }, { auth: { tokens_file: tokens } }, []);
    const door = await untilAnnounced(
      startProgram(['connector', '--repo', repo.path, '--address', '127.0.0.1:0']),
      /^Sideboard \S+ serves the sqlite store of project \w+ on (\S+)$/m,
    );
    const address = door.announced[1] ?? '';
    const through = createSqliteRepo('simple', {
      online_store: { type: 'connector', address },
      sideboard: { connector: { token_file: 'token' } },
    });
    try {
      const stranger = createOnlineFeaturesClient(address);
      clients.push(stranger);
      const refused = await refusalOf(stranger.call('/grpc.connector.OnlineStore/OnlineRead', GARBAGE));
      assert.deepEqual([refused.status, refused.code], ['UNAUTHENTICATED', 'AUTH_TOKEN_MISSING']);
      const get = () =>
        runSideboard('get', '--features', ASK.features[0] ?? '', '--entity', 'driver_id=1001', '--repo', through.path);
      assert.match((await get()).stderr, /error STORE_UNAVAILABLE: The file of sideboard\.connector\.token_file/);
      writeFileSync(join(through.path, 'token'), 'the-token-of-bob\n');
      assert.match((await get()).stderr, /error STORE_AUTH_FAILED/);
      writeFileSync(join(through.path, 'token'), 'the-token-of-ann\n');
      assert.match((await get()).stdout, /city +\S+ +PRESENT/);
    } finally {
      through.remove();
      assert.equal(await door.stop(), 0);
    }
  });

  it('says in the log why nobody can be known, and tells callers no more than that', async () => {
    repo = createRepo(oidc(), {}, []);
    server = await startSideboard(repo.path);
    provider.down = true;
    try {
      const refused = await refusalOf(client(token(['reader'])).ask(ASK));
      assert.deepEqual([refused.status, refused.code], ['UNAVAILABLE', 'AUTH_UNAVAILABLE']);
      assert.doesNotMatch(refused.message, /127\.0\.0\.1|http|503/);
    } finally {
      provider.down = false;
    }
    await server.stop();
    assert.match(server.output(), /it cannot be found out who calls/);
    assert.match(server.output(), /the provider answers with status 503/);
    server = undefined;
  });

  it('asks nobody without `auth`, whatever permissions and headers say', async () => {
    repo = createRepo({ type: 'no_auth' }, {}, [rule('reader', [Action.READ_ONLINE])]);
    server = await startSideboard(repo.path);
    assert.equal((await client('abc').ask(ASK)).columns[1]?.statuses[0], 'PRESENT');
  });

  it('does not start where the settings leave open whose tokens count', async () => {
    for (const [auth, message] of [
      [{ ...oidc(), audience: undefined }, /audience is missing/],
      [{ ...oidc(), auth_discovery_url: undefined }, /auth_discovery_url is missing/],
      [{ ...oidc(), ca_cert_path: 'none.pem' }, /ca_cert_path cannot be read/],
      [{ type: 'kubernetes' }, /KUBERNETES_SERVICE_HOST/],
    ] as const) {
      repo = createRepo(JSON.parse(JSON.stringify(auth)), {}, []);
      const { status, stderr } = await runSideboard('serve', '--repo', repo.path, '--grpc-address', '127.0.0.1:0');
      assert.equal(status, exitCodes.config.code, stderr);
      assert.match(stderr, /error AUTH_CONFIG_INVALID/);
      assert.match(stderr, message);
      repo.remove();
    }
  });
});
