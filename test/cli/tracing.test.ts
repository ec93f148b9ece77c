import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { grpcServers } from '../../src/transports/grpc/start-grpc-server.ts';
import { type AnnouncedProcess, untilAnnounced } from '../support/announced-process.ts';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { createSqliteRepo } from '../support/golden-repo.ts';
import { createOnlineFeaturesClient, type OnlineFeaturesClient, refusalOf } from '../support/online-features-client.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { spanNamed, spansOfTrace } from '../support/otlp-spans.ts';
import { eventually } from '../support/serving-program.ts';
import { type ServingProcess, startProgram, startSideboardWith } from '../support/sideboard-process.ts';

const CANARY_ID = 1_093_774_411n;
const CANARY_TOKEN = 'canary-token-8c1';
const int64 = (value: bigint) => create(ValueSchema, { val: { case: 'int64Val', value } });
const ASK = {
  features: ['driver_hourly_stats:city', 'driver_hourly_stats:trips_today'],
  entities: { driver_id: [int64(1001n), int64(CANARY_ID)] },
};
const CALL = 'feast.serving.ServingService/GetOnlineFeatures';
const NO_TRACE = '0'.repeat(16);

describe('sideboard serve with traces', function () {
  this.timeout(60_000);
  let receiver: OtlpReceiver;
  let repo: FeatureRepo | undefined;
  let server: ServingProcess | undefined;
  let clients: OnlineFeaturesClient[] = [];
  let more: AnnouncedProcess | undefined;

  beforeEach(async () => {
    receiver = await startOtlpReceiver();
  });
  afterEach(async () => {
    for (const client of clients) client.close();
    clients = [];
    await server?.stop();
    await more?.stop();
    server = undefined;
    more = undefined;
    await receiver.close();
    repo?.remove();
  });

  const variables = (changes: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_BSP_SCHEDULE_DELAY: '50',
    ...changes,
  });
  const output = (): string => server?.output() ?? '';

  async function serve(sideboard: object, env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<void> {
    repo = createSqliteRepo('simple', { sideboard });
    server = await startSideboardWith(env, repo.path, ...args);
  }

  /** A client whose calls belong to a trace of their own. */
  function clientOf(trace: string, flags = '01', headers: Readonly<Record<string, string>> = {}): OnlineFeaturesClient {
    const parent = { traceparent: `00-${trace}-b7ad6b7169203331-${flags}`, tracestate: 'vendor=canary-free' };
    const options = { 'grpc.use_local_subchannel_pool': 1 };
    const identity = { authorization: `Bearer ${CANARY_TOKEN}`, headers: { ...parent, ...headers } };
    const client = createOnlineFeaturesClient(server?.address ?? '', options, identity);
    clients.push(client);
    return client;
  }
  const newTrace = (): string => randomBytes(16).toString('hex');

  for (const kind of Object.keys(grpcServers)) {
    it(`makes a call and its reading of the store part of the caller's trace, on ${kind}`, async () => {
      await serve({ grpc: { server: kind } }, variables({ OTEL_SERVICE_NAME: 'features' }));
      const trace = newTrace();
      await clientOf(trace).ask(ASK);
      const spans = await spansOfTrace(receiver, trace, 2, output);
      const call = spanNamed(spans, CALL);
      const read = spanNamed(spans, 'sqlite read');
      assert.deepEqual(
        [call.parent, call.kind, call.status, call.traceState],
        ['b7ad6b7169203331', 2, 0, 'vendor=canary-free'],
      );
      assert.deepEqual([read.parent, read.kind, read.status], [call.id, 3, 0]);
      assert.ok(read.startNanos >= call.startNanos && read.endNanos <= call.endNanos);
      const { 'sideboard.registry.version': version, ...attributes } = call.attributes;
      assert.match(String(version), /^[0-9a-f-]{36}$/);
      assert.deepEqual(attributes, {
        'rpc.system': 'grpc',
        'rpc.service': 'feast.serving.ServingService',
        'rpc.method': 'GetOnlineFeatures',
        'rpc.grpc.status_code': 0,
        'network.transport': 'tcp',
        'sideboard.peer': 'loopback',
        'sideboard.views': ['driver_hourly_stats'],
        'sideboard.features': 2,
        'sideboard.entities': 2,
        'sideboard.values.present': 2,
        'sideboard.values.not_found': 2,
      });
      assert.deepEqual(read.attributes, {
        'db.system.name': 'sqlite',
        'db.operation.name': 'read',
        'sideboard.store': 'sqlite',
        'sideboard.views': ['driver_hourly_stats'],
        'sideboard.view_count': 1,
        'sideboard.keys': 2,
        'sideboard.rows_found': 1,
      });
      const { resource } = call;
      assert.deepEqual([resource['service.name'], resource['sideboard.project']], ['features', 'driver_ranking']);
      assert.equal(resource['telemetry.sdk.language'], 'nodejs');
    });
  }

  it('tells of failures by their code, and never of entities, tokens or messages', async () => {
    await serve({}, variables());
    const trace = newTrace();
    const client = clientOf(trace);
    await refusalOf(client.ask({ ...ASK, features: ['driver_hourly_stats:nothing'] }));
    const text = create(ValueSchema, { val: { case: 'stringVal', value: `${CANARY_ID}x` } });
    await refusalOf(client.ask({ ...ASK, entities: { driver_id: [text] } }));
    rmSync(join(repo?.path ?? '', 'data/online_store.db'));
    await client.call('/grpc.health.v1.Health/Check', new Uint8Array());
    const spans = await spansOfTrace(receiver, trace, 2, output);
    assert.deepEqual(
      spans.map(({ attributes, status }) => [attributes['rpc.grpc.status_code'], attributes['error.type'], status]),
      [
        [5, 'UNKNOWN_FEATURE', 0],
        [3, 'INVALID_ENTITY_VALUE', 0],
      ],
    );
    await clientOf(newTrace())
      .ask(ASK)
      .catch(() => {});
    await server?.stop();
    const exported = receiver.bytes().toString('latin1');
    assert.ok(exported.includes('driver_hourly_stats'));
    for (const canary of [String(CANARY_ID), CANARY_TOKEN, 'There is no']) {
      assert.ok(!exported.includes(canary), `${canary} was exported`);
      assert.ok(!output().includes(canary), `${canary} was logged`);
    }
    server = undefined;
  });

  it("keeps the caller's decision not to record, and begins a trace where there is no parent that can be read", async () => {
    await serve({}, variables());
    const unrecorded = newTrace();
    await clientOf(unrecorded, '00').ask(ASK);
    const recorded = newTrace();
    await clientOf(recorded).ask(ASK);
    await clientOf(newTrace(), '01', { traceparent: 'nonsense' }).ask(ASK);
    await spansOfTrace(receiver, recorded, 2, output);
    const call = await eventually(
      () => receiver.spans.find((span) => span.name === CALL && span.trace !== recorded),
      output,
    );
    assert.equal(call.parent, '');
    assert.equal(call.traceState, '');
    assert.equal(receiver.spans.filter(({ trace }) => trace === unrecorded).length, 0);
  });

  it('records the share of traces that the settings ask for, of those that begin here', async () => {
    const tracing = { endpoint: receiver.endpoint, enabled: true, sample_ratio: 0, service_name: 'by-setting' };
    await serve({ tracing }, { OTEL_BSP_SCHEDULE_DELAY: '50' });
    await clientOf(newTrace(), '01', { traceparent: 'nonsense' }).ask(ASK);
    const trace = newTrace();
    await clientOf(trace).ask(ASK);
    const spans = await spansOfTrace(receiver, trace, 2, output);
    assert.equal(spans[0]?.resource['service.name'], 'by-setting');
    await server?.stop();
    server = undefined;
    assert.deepEqual([...new Set(receiver.spans.map((span) => span.trace))], [trace]);
  });

  it('makes one trace of itself and a store process, whether or not it traces itself', async () => {
    repo = createSqliteRepo('simple');
    more = await untilAnnounced(
      startProgram(['connector', '--repo', repo.path, '--address', '127.0.0.1:0'], variables()),
      /^Sideboard \S+ serves the sqlite store of project driver_ranking on (\S+)$/m,
    );
    const chained = createSqliteRepo('simple', {
      online_store: { type: 'connector', address: more.announced[1] ?? '' },
    });
    try {
      for (const env of [variables(), {}]) {
        const isTraced = 'OTEL_EXPORTER_OTLP_ENDPOINT' in env;
        server = await startSideboardWith(env, chained.path);
        const trace = newTrace();
        await clientOf(trace).ask(ASK);
        const spans = await spansOfTrace(receiver, trace, isTraced ? 4 : 2, output);
        const stored = spanNamed(spans, 'grpc.connector.OnlineStore/OnlineRead');
        assert.equal(spanNamed(spans, 'sqlite read').parent, stored.id);
        assert.deepEqual(stored.attributes['sideboard.entities'], 2);
        assert.equal(stored.traceState, 'vendor=canary-free');
        if (isTraced) {
          const read = spanNamed(spans, 'connector read');
          assert.equal(stored.parent, read.id);
          assert.equal(read.parent, spanNamed(spans, CALL).id);
        } else assert.equal(stored.parent, 'b7ad6b7169203331');
        await server.stop();
        server = undefined;
      }
    } finally {
      chained.remove();
    }
  });

  it('exports by gRPC too, and from every worker', async () => {
    await receiver.close();
    receiver = await startOtlpReceiver('grpc');
    await serve({}, variables({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }), '--workers', '2');
    const traces = [newTrace(), newTrace()];
    for (const trace of traces) await clientOf(trace).ask(ASK);
    const pids = new Set<unknown>();
    for (const trace of traces) {
      const spans = await spansOfTrace(receiver, trace, 2, output);
      pids.add(spans[0]?.resource['process.pid']);
    }
    assert.equal(pids.size, 2);
    const own = receiver.spans.find((span) => span.name === 'registry read');
    assert.equal(own?.attributes['sideboard.registry.type'], 'file');
    assert.notEqual(own?.trace, NO_TRACE);
  });

  it('exports what is left when it is told to stop', async () => {
    await serve({}, variables({ OTEL_BSP_SCHEDULE_DELAY: '600000' }));
    const trace = newTrace();
    await clientOf(trace).ask(ASK);
    assert.equal(await server?.stop(), exitCodes.ok.code);
    server = undefined;
    assert.equal(receiver.spans.filter((span) => span.trace === trace).length, 2);
  });

  for (const kind of ['refuses', 'says nothing', 'is not there'] as const) {
    it(`answers calls and stops in time while the collector ${kind}, and says so once at most`, async () => {
      receiver.answer = kind === 'refuses' ? 'refuse' : 'hang';
      if (kind === 'is not there') await receiver.close();
      await serve({}, variables({ OTEL_BSP_SCHEDULE_DELAY: '1', OTEL_EXPORTER_OTLP_TIMEOUT: '300' }));
      const client = clientOf(newTrace());
      for (let call = 0; call < 30; call++) await client.ask(ASK);
      const told = (): number => output().split('traces cannot be exported').length - 1;
      await eventually(() => (told() > 0 ? true : undefined), output);
      for (let call = 0; call < 30; call++) await client.ask(ASK);
      const since = performance.now();
      assert.equal(await server?.stop(), exitCodes.ok.code);
      // Without a collector it takes a second or two; the shutdown timeout alone is ten.
      assert.ok(performance.now() - since < 9_000, 'it did not stop in time');
      assert.equal(told(), 1);
      server = undefined;
    });
  }
});

describe('sideboard serve without traces', function () {
  this.timeout(60_000);

  it('does not start where the settings ask for traces that cannot be had', async () => {
    const repo = createSqliteRepo('simple', { sideboard: { tracing: { enabled: 'on' } } });
    try {
      const child = startSideboardWith({ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }, repo.path);
      await assert.rejects(child, /error TRACING_SETTINGS_INVALID: The protocol "http\/json" of OTLP is not supported/);
    } finally {
      repo.remove();
    }
  });
});
