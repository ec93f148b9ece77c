import assert from 'node:assert/strict';
import { SideboardError } from '../../../src/errors.ts';
import { CallMetrics } from '../../../src/operations/metrics/call-metrics.ts';
import { MAX_SERIES, MetricRegistry } from '../../../src/operations/metrics/metric-registry.ts';
import { mergeSnapshots, withoutGauges } from '../../../src/operations/metrics/metric-snapshot.ts';
import { metricsText } from '../../../src/operations/metrics/metrics-text.ts';
import { noCounters } from '../../../src/operations/server-counters.ts';
import { WorkerCounters } from '../../../src/operations/worker-counters.ts';
import { GrpcStatus } from '../../../src/transports/grpc/grpc-status.ts';
import type { UnaryMethod } from '../../../src/transports/grpc/service-table.ts';

describe('metrics', () => {
  it('are written in the text format, with cumulative buckets and escaped labels', () => {
    const registry = new MetricRegistry();
    registry.number('sideboard_requests_total', '/a/"B"\\\n', 'OK').add(3);
    const ages = registry.histogram('sideboard_feature_age_seconds', 'v');
    for (const age of [0, 1, 1.5, 1e9]) ages.observe(age);
    const { contentType, text } = metricsText(registry.snapshot(), 'text/plain');
    assert.equal(contentType, 'text/plain; version=0.0.4; charset=utf-8');
    const lines = text.split('\n');
    assert.deepEqual(lines.slice(0, 7), [
      '# HELP sideboard_requests_total Calls that have ended, by method and gRPC status.',
      '# TYPE sideboard_requests_total counter',
      'sideboard_requests_total{method="/a/\\"B\\"\\\\\\n",code="OK"} 3',
      '# HELP sideboard_feature_age_seconds Age of the oldest row that a request got from a view, by its event timestamp.',
      '# TYPE sideboard_feature_age_seconds histogram',
      'sideboard_feature_age_seconds_bucket{view="v",le="1"} 2',
      'sideboard_feature_age_seconds_bucket{view="v",le="10"} 3',
    ]);
    assert.deepEqual(lines.slice(-4), [
      'sideboard_feature_age_seconds_bucket{view="v",le="+Inf"} 4',
      'sideboard_feature_age_seconds_sum{view="v"} 1000000002.5',
      'sideboard_feature_age_seconds_count{view="v"} 4',
      '',
    ]);
  });

  it('are written as OpenMetrics where the client asks for it', () => {
    const registry = new MetricRegistry();
    registry.number('sideboard_plans_compiled_total').add(1);
    const { contentType, text } = metricsText(
      registry.snapshot(),
      'application/openmetrics-text;version=1.0.0,*/*;q=0.1',
    );
    assert.match(contentType, /^application\/openmetrics-text; version=1\.0\.0/);
    assert.match(
      text,
      /^# HELP sideboard_plans_compiled .*\n# TYPE sideboard_plans_compiled counter\nsideboard_plans_compiled_total 1\n# EOF\n$/,
    );
  });

  it('have room for every status of every method, whatever callers provoke', () => {
    const registry = new MetricRegistry();
    const methods = [...Array.from({ length: 13 }, (_, method) => `/a.B/${method}`), 'other'];
    for (const method of methods) {
      for (const status of Object.keys(GrpcStatus)) registry.number('sideboard_requests_total', method, status).add(1);
    }
    assert.ok(!Object.keys(registry.snapshot()).some((series) => series.includes('code="other"')));
    for (let more = 0; more < 100; more++) registry.number('sideboard_requests_total', `/made.Up/${more}`, 'OK').add(1);
    assert.ok(Object.keys(registry.snapshot()).length <= 251);
  });

  it('have a bounded number of label sets', () => {
    const registry = new MetricRegistry();
    for (let view = 0; view < MAX_SERIES + 50; view++) {
      registry.histogram('sideboard_feature_age_seconds', `v${view}`).observe(1);
    }
    const snapshot = registry.snapshot();
    assert.equal(Object.keys(snapshot).length, MAX_SERIES + 1);
    assert.equal(snapshot['sideboard_feature_age_seconds{view="other"}']?.[0], 50);
  });

  it('of several processes become one: added up, or the largest, or the smallest', () => {
    const a = {
      'sideboard_requests_total{method="m",code="OK"}': [2],
      sideboard_registry_age_seconds: [5],
      process_start_time_seconds: [100],
      'sideboard_feature_age_seconds{view="v"}': [1, 0, 2],
    };
    const b = {
      'sideboard_requests_total{method="m",code="OK"}': [3],
      sideboard_registry_age_seconds: [9],
      process_start_time_seconds: [90],
      'sideboard_feature_age_seconds{view="v"}': [4, 1, 1],
      sideboard_processes: [1],
    };
    assert.deepEqual(mergeSnapshots(a, b), {
      'sideboard_requests_total{method="m",code="OK"}': [5],
      sideboard_registry_age_seconds: [9],
      process_start_time_seconds: [90],
      'sideboard_feature_age_seconds{view="v"}': [5, 1, 3],
      sideboard_processes: [1],
    });
    assert.deepEqual(Object.keys(withoutGauges(b)), [
      'sideboard_requests_total{method="m",code="OK"}',
      'sideboard_feature_age_seconds{view="v"}',
    ]);
  });

  it('of a worker that has ended keep what it counted, not what it was like', () => {
    const counters = new WorkerCounters();
    const worker = { askForCounters() {} };
    const metrics = { sideboard_plans_compiled_total: [4], sideboard_processes: [1] };
    counters.record(worker, { ...noCounters, metrics });
    assert.deepEqual(counters.total().metrics, metrics);
    counters.retire(worker);
    assert.deepEqual(counters.total().metrics, { sideboard_plans_compiled_total: [4] });
  });
});

describe('metrics of calls', () => {
  let registry: MetricRegistry;
  let calls: CallMetrics;

  beforeEach(() => {
    registry = new MetricRegistry();
    calls = new CallMetrics(registry);
  });

  function measured(handle: UnaryMethod['handle']): UnaryMethod {
    const [method] = calls.measured([{ path: '/a/B', handle }]);
    return method as UnaryMethod;
  }

  const count = (code: string): number | undefined =>
    registry.snapshot()[`sideboard_requests_total{method="/a/B",code="${code}"}`]?.[0];
  const timed = (): number =>
    (registry.snapshot()['sideboard_request_duration_seconds{method="/a/B"}'] ?? [])
      .slice(0, -1)
      .reduce((a, b) => a + b, 0);

  it('count what was answered, at once or later', async () => {
    await measured((message) => message).handle(new Uint8Array(), {});
    await measured(async (message) => message).handle(new Uint8Array(), {});
    assert.equal(count('OK'), 2);
    assert.equal(timed(), 2);
  });

  it('count what failed when the server says so, under its status, and once', async () => {
    const fail = measured(() => Promise.reject(new SideboardError('X', 'not_found', 'x')));
    await assert.rejects(async () => fail.handle(new Uint8Array(), {}));
    const error = new SideboardError('X', 'not_found', 'x');
    calls.failed(error, '/a/B');
    calls.failed(new Error('unforeseen'), '/a/B');
    calls.failed(error, undefined);
    assert.equal(count('NOT_FOUND'), 1);
    assert.equal(count('INTERNAL'), 1);
    assert.equal(count('OK'), 0);
    assert.equal(timed(), 1);
    assert.equal(registry.snapshot()['sideboard_requests_total{method="other",code="NOT_FOUND"}']?.[0], 1);
  });

  it('tell a caller that left from one whose deadline passed', async () => {
    const slow = measured(async (message) => message);
    await slow.handle(new Uint8Array(), { cancelled: true, deadline: Date.now() + 60_000 });
    await slow.handle(new Uint8Array(), { cancelled: true, deadline: Date.now() - 1 });
    await slow.handle(new Uint8Array(), { signal: AbortSignal.abort() });
    assert.equal(count('CANCELLED'), 2);
    assert.equal(count('OK'), 0);
    assert.equal(timed(), 3);
  });
});
