import assert from 'node:assert/strict';
import type { TracingSettings } from '../../../src/config/sideboard-settings.ts';
import { openTracer } from '../../../src/operations/tracing/open-tracer.ts';
import { loadOtel } from '../../../src/operations/tracing/otel-packages.ts';
import { tracingPlanFrom } from '../../../src/operations/tracing/tracing-plan.ts';
import { createLogLines } from '../../support/log-lines.ts';

const settings: TracingSettings = {
  enabled: undefined,
  endpoint: undefined,
  protocol: 'http/protobuf',
  sampleRatio: 1,
  serviceName: 'sideboard',
};
const COLLECTOR = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

describe('whether there is tracing', () => {
  const off = {
    'where nothing asks for it': [{}, {}],
    'where it is switched off': [{ enabled: false }, COLLECTOR],
    'where OpenTelemetry is switched off': [{ enabled: true }, { OTEL_SDK_DISABLED: 'TRUE' }],
    'where traces are exported nowhere': [{ enabled: true }, { OTEL_TRACES_EXPORTER: 'none' }],
    'where an exporter of another kind is named, for others': [{}, { OTEL_TRACES_EXPORTER: 'console' }],
    'where a variable is empty': [{}, { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }],
  } as const;
  for (const [when, [changes, env]] of Object.entries(off)) {
    it(`is not ${when}`, () => assert.equal(tracingPlanFrom({ ...settings, ...changes }, env), undefined));
  }

  const on = {
    'where it is switched on': [{ enabled: true }, {}],
    'where a variable names a collector': [{}, COLLECTOR],
    'where a variable names one for traces': [{}, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c/v1/traces' }],
    'where a variable asks for OTLP': [{}, { OTEL_TRACES_EXPORTER: 'otlp' }],
  } as const;
  for (const [when, [changes, env]] of Object.entries(on)) {
    it(`is ${when}`, () => assert.ok(tracingPlanFrom({ ...settings, ...changes }, env)));
  }
});

describe('how traces are exported', () => {
  const plan = (changes: Partial<TracingSettings>, env: NodeJS.ProcessEnv = {}) =>
    tracingPlanFrom({ ...settings, enabled: true, ...changes }, env);

  it('is as the settings say, the path of traces behind the address', () => {
    assert.deepEqual(plan({ endpoint: 'http://c:4318/', sampleRatio: 0.25, serviceName: 'features' }), {
      protocol: 'http/protobuf',
      url: 'http://c:4318/v1/traces',
      collector: 'http://c:4318',
      serviceName: 'features',
      sampleRatio: 0.25,
      maxQueued: 2048,
    });
    assert.equal(plan({ endpoint: 'http://c:4317', protocol: 'grpc' })?.url, 'http://c:4317');
  });

  it('is left to the variables where they say it', () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://user:secret@collector:4318/path?token=secret',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_TRACES_SAMPLER: 'always_off',
      OTEL_BSP_MAX_QUEUE_SIZE: '10',
    };
    assert.deepEqual(plan({ endpoint: 'http://other:4318', sampleRatio: 0.5 }, env), {
      protocol: 'grpc',
      url: undefined,
      collector: 'https://collector:4318',
      serviceName: 'sideboard',
      sampleRatio: undefined,
      maxQueued: 10,
    });
  });

  it('is refused for a protocol or an exporter that there is not', () => {
    for (const env of [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }, { OTEL_TRACES_EXPORTER: 'zipkin' }]) {
      assert.throws(() => plan({}, env), { name: 'TracingError', code: 'TRACING_SETTINGS_INVALID' });
    }
  });
});

describe('opening tracing', () => {
  const options = { version: '1', resource: {}, onSpans: () => {} };

  it('fails for what the settings ask for and cannot be had', async () => {
    const { log } = createLogLines();
    const env = { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' };
    await assert.rejects(openTracer({ ...options, settings: { ...settings, enabled: true }, env, log }), {
      code: 'TRACING_SETTINGS_INVALID',
    });
  });

  it('goes on without it, and says so once, where the variables alone ask for what cannot be had', async () => {
    const { log, lines } = createLogLines();
    const env = { ...COLLECTOR, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' };
    assert.equal(await openTracer({ ...options, settings, env, log }), undefined);
    assert.deepEqual(
      lines.map(({ msg }) => msg),
      ['there are no traces'],
    );
  });

  it('names the packages that are missing, and the command that installs them', async () => {
    const missing = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
    for (const [protocol, exporter] of [
      ['http/protobuf', 'proto'],
      ['grpc', 'grpc'],
    ] as const) {
      await assert.rejects(
        loadOtel(protocol, () => Promise.reject(missing)),
        {
          code: 'TRACING_PACKAGE_MISSING',
          hint: new RegExp(
            `npm install @opentelemetry/api@1\\.9 .*exporter-trace-otlp-${exporter}@0\\.223;.*EXTRAS=otel`,
          ),
        },
      );
    }
  });

  it('says of another failure what it is', async () => {
    await assert.rejects(
      loadOtel('grpc', () => Promise.reject(new Error('broken'))),
      { message: 'broken' },
    );
  });
});
