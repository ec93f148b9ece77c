import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
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
import type { FeatureRepo } from '../support/feature-repo.ts';
import { createSqliteRepo } from '../support/golden-repo.ts';
import { createSigningKey, OidcProvider, signJwt } from '../support/oidc-provider.ts';
import { createOnlineFeaturesClient, type OnlineFeaturesClient, refusalOf } from '../support/online-features-client.ts';
import { runSideboard, type ServingProcess, startSideboard } from '../support/sideboard-process.ts';

const ASK = {
  features: ['driver_hourly_stats:city'],
  entities: { driver_id: [create(ValueSchema, { val: { case: 'int64Val', value: 1001n } })] },
};
const WRITE = toBinary(
  WriteToOnlineStoreRequestSchema,
  create(WriteToOnlineStoreRequestSchema, { featureViewName: 'driver_hourly_stats', allowRegistryCache: true }),
);

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
    const made = createOnlineFeaturesClient(server?.address ?? '', {}, identity);
    clients.push(made);
    return made;
  }

  function createRepo(
    auth: object,
    sideboard: object,
    permissions: readonly MessageInitShape<typeof PermissionSchema>[],
  ) {
    const made = createSqliteRepo('simple', { auth, sideboard });
    const file = join(made.path, 'data/registry.db');
    const registry = fromBinary(RegistrySchema, readFileSync(file));
    const project = registry.featureViews[0]?.spec?.project ?? '';
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
    it(`holds callers to the permissions in the registry, on ${kind}`, async () => {
      const rules = [rule('reader', [Action.READ_ONLINE]), rule('writer', [Action.WRITE_ONLINE])];
      repo = createRepo(oidc(), { grpc: { server: kind } }, rules);
      server = await startSideboard(repo.path, '--log-level', 'trace');
      const [reader, writer] = [token(['reader']), token(['writer'])];
      assert.equal((await client(reader).ask(ASK)).columns[1]?.statuses[0], 'PRESENT');
      assert.deepEqual(await client(writer).call('/GrpcFeatureServer/WriteToOnlineStore', WRITE), Buffer.from([8, 1]));

      const denied = await refusalOf(client(writer).ask(ASK));
      assert.deepEqual([denied.status, denied.code], ['PERMISSION_DENIED', 'ACCESS_DENIED']);
      assert.match(denied.message, /READ_ONLINE on feature_view "driver_hourly_stats"/);
      const write = await refusalOf(client(reader).call('/GrpcFeatureServer/WriteToOnlineStore', WRITE));
      assert.deepEqual([write.status, write.code], ['PERMISSION_DENIED', 'ACCESS_DENIED']);

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

  it('knows the tokens of a file, and denies what is not allowed where that is asked for', async () => {
    const digest = createHash('sha256').update('the-token-of-ann').digest('hex');
    writeFileSync(join(folder, 'tokens'), `ann:sha256:${digest}\n`);
    const auth = { tokens_file: join(folder, 'tokens') };
    repo = createRepo({ type: 'no_auth' }, { auth }, []);
    server = await startSideboard(repo.path);
    assert.equal((await client('the-token-of-ann').ask(ASK)).columns[1]?.statuses[0], 'PRESENT');
    assert.equal((await refusalOf(client('the-token-of-bob').ask(ASK))).code, 'AUTH_TOKEN_INVALID');
    await server.stop();
    repo.remove();
    repo = createRepo({ type: 'no_auth' }, { auth: { ...auth, default: 'deny' } }, []);
    server = await startSideboard(repo.path);
    assert.equal((await refusalOf(client('the-token-of-ann').ask(ASK))).code, 'ACCESS_DENIED');
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
