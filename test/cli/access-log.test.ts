import assert from 'node:assert/strict';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import { grpcServers } from '../../src/transports/grpc/start-grpc-server.ts';
import { type AnnouncedProcess, untilAnnounced } from '../support/announced-process.ts';
import { createSqliteRepo } from '../support/golden-repo.ts';
import { createOnlineFeaturesClient, refusalOf } from '../support/online-features-client.ts';
import { eventually } from '../support/serving-program.ts';
import { startProgram } from '../support/sideboard-process.ts';

const CANARY_ID = 1_093_774_411n;
const CANARY_TEXT = 'canary-entity-5d';
const CANARY_TOKEN = 'canary-token-8c1';
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const METHOD = '/feast.serving.ServingService/GetOnlineFeatures';
const int64 = (value: bigint) => create(ValueSchema, { val: { case: 'int64Val', value } });
const text = (value: string) => create(ValueSchema, { val: { case: 'stringVal', value } });
const FEATURES = ['driver_hourly_stats:city', 'driver_hourly_stats:trips_today'];

type Line = Readonly<Record<string, unknown>>;

describe('lines of single calls in the log', function () {
  this.timeout(60_000);
  let repo: ReturnType<typeof createSqliteRepo>;
  let server: AnnouncedProcess | undefined;

  afterEach(async () => {
    await server?.stop();
    server = undefined;
    repo.remove();
  });

  /** Serves on a Unix socket. @returns where */
  async function serve(sideboard: object, ...args: readonly string[]): Promise<string> {
    repo = createSqliteRepo('simple', { sideboard });
    const address = `unix:${join(repo.path, 'grpc.sock')}`;
    const child = startProgram(['serve', '--repo', repo.path, '--grpc-address', address, ...args]);
    server = await untilAnnounced(child, / on (unix:\S+)$/m);
    return server.announced[1] ?? '';
  }

  function connect(address: string, headers: Readonly<Record<string, string>> = {}) {
    return createOnlineFeaturesClient(address, {}, { authorization: `Bearer ${CANARY_TOKEN}`, headers });
  }

  const lines = (): Line[] =>
    (server?.output() ?? '')
      .split('\n')
      .filter((line) => line.startsWith('{') && line.includes('"msg":"call"'))
      .map((line) => JSON.parse(line));
  const untilLines = (count: number): Promise<readonly Line[]> =>
    eventually(
      () => (lines().length >= count ? lines() : undefined),
      () => server?.output() ?? '',
    );
  /** A line without what differs from run to run. */
  const steady = ({ time, ms, registry, ...line }: Line): Line => line;

  for (const kind of Object.keys(grpcServers)) {
    it(`say what was asked for and how it ended, and never an entity, a value or a token, on ${kind}`, async () => {
      const access = { enabled: 'on', sample_ratio: 1, slow_ms: 60_000 };
      const address = await serve({ access_log: access, grpc: { server: kind } }, '--log-level', 'trace');
      const headers = { traceparent: `00-${TRACE}-b7ad6b7169203331-01`, 'x-request-id': 'order-17' };
      const client = connect(address, headers);
      const ids = { level: 'info', msg: 'call', traceId: TRACE, requestId: 'order-17' };
      try {
        const answer = await client.ask({
          features: FEATURES,
          entities: { driver_id: [int64(1001n), int64(CANARY_ID)] },
        });
        const served = answer.columns.flatMap(({ values }) => values.map((value) => JSON.stringify(value)));
        const refused = await refusalOf(
          client.ask({ features: FEATURES, entities: { driver_id: [text(CANARY_TEXT)] } }),
        );
        assert.equal(refused.code, 'INVALID_ENTITY_VALUE');
        await refusalOf(client.ask({ features: FEATURES, entities: { [CANARY_TEXT]: [int64(CANARY_ID)] } }));
        await refusalOf(client.ask({ service: CANARY_TEXT, entities: { driver_id: [int64(CANARY_ID)] } }));
        await refusalOf(client.call(`/${CANARY_TEXT}.Service/Call`, new Uint8Array()));
        await client.call('/grpc.health.v1.Health/Check', new Uint8Array());
        // What grpc-js does not know it answers itself.
        const told = await untilLines(kind === 'grpc-js' ? 4 : 5);
        const [first = {}] = told;
        assert.ok(typeof first.ms === 'number' && first.ms > 0 && first.ms < 30_000);
        assert.match(String(first.registry), /^[0-9a-f-]{36}$/);
        const asked = { views: ['driver_hourly_stats'], features: 2, generation: 1 };
        const failed = { ...ids, method: METHOD, reason: 'error', peer: 'unix' };
        assert.deepEqual(told.map(steady), [
          {
            ...ids,
            ...asked,
            method: METHOD,
            code: 'OK',
            entities: 2,
            statuses: { PRESENT: 2, NOT_FOUND: 2 },
            peer: 'unix',
            reason: 'sample',
          },
          { ...failed, ...asked, entities: 1, code: 'INVALID_ARGUMENT', error: 'INVALID_ENTITY_VALUE' },
          { ...failed, code: 'INVALID_ARGUMENT', error: 'MISSING_JOIN_KEY' },
          { ...failed, code: 'NOT_FOUND', error: 'UNKNOWN_FEATURE_SERVICE' },
          ...(kind === 'grpc-js'
            ? []
            : [{ ...failed, method: 'other', code: 'UNIMPLEMENTED', error: 'UNKNOWN_METHOD' }]),
        ]);
        const log = server?.output() ?? '';
        const stored = served.filter((value) => value.length > 4);
        assert.ok(stored.length > 0);
        for (const canary of [String(CANARY_ID), CANARY_TEXT, CANARY_TOKEN, ...stored]) {
          assert.ok(!log.includes(canary), `${canary} stands in the log`);
        }
      } finally {
        client.close();
      }
    });
  }

  it('show no id of a request that does not look like one, and no trace that is none', async () => {
    const address = await serve({ access_log: { enabled: true, sample_ratio: 1 } });
    for (const id of [`{"driver":${CANARY_ID}}`, 'x'.repeat(129)]) {
      const client = connect(address, { 'x-request-id': id, traceparent: CANARY_TEXT });
      await client.ask({ features: FEATURES, entities: { driver_id: [int64(1001n)] } });
      client.close();
    }
    for (const line of await untilLines(2)) {
      assert.ok(!('requestId' in line) && !('traceId' in line), JSON.stringify(line));
    }
    assert.ok(!(server?.output() ?? '').includes(CANARY_TEXT));
  });

  it('are those of failed calls alone where nothing is sampled, up to so many per second', async () => {
    const access = { enabled: true, sample_ratio: 0, slow_ms: 60_000, max_per_second: 3 };
    const client = connect(await serve({ access_log: access }));
    try {
      const begun = Date.now();
      for (let call = 0; call < 20; call++) {
        await client.ask({ features: FEATURES, entities: { driver_id: [int64(1001n)] } });
        await refusalOf(client.ask({ service: 'none', entities: {} }));
      }
      const seconds = Math.floor(Date.now() / 1000) - Math.floor(begun / 1000) + 1;
      const told = await untilLines(3);
      assert.ok(told.length <= 3 * seconds, `${told.length} lines in ${seconds} s`);
      assert.ok(told.every(({ reason }) => reason === 'error'));
    } finally {
      client.close();
    }
  });

  it('are none unless they are asked for', async () => {
    const client = connect(await serve({}));
    await client.ask({ features: FEATURES, entities: { driver_id: [int64(1001n)] } });
    await refusalOf(client.ask({ service: 'none', entities: {} }));
    client.close();
    await server?.stop();
    assert.deepEqual(lines(), []);
  });
});
