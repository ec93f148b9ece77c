import assert from 'node:assert/strict';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { traceHeaders } from '../../../src/encoding/trace-context.ts';
import { tracedRegistrySource } from '../../../src/operations/tracing/traced-registry-source.ts';
import type { SpanAttributes, Tracer, TraceSpan } from '../../../src/operations/tracing/tracer.ts';
import type { RegistrySource } from '../../../src/registry/registry-source.ts';
import { createRemoteRegistrySource } from '../../../src/registry/remote/remote-registry-source.ts';

const TRACE = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'vendor=1' };

/** Keeps what is told of its one span. */
function createTracer() {
  const told: unknown[] = [];
  const span: TraceSpan = {
    traceId: '',
    isRecorded: true,
    context: TRACE,
    startChild: () => span,
    add: (attributes: SpanAttributes) => void told.push(attributes),
    fail: (code: string) => void told.push(code),
    end: () => void told.push('end'),
  };
  const start = (name: string, attributes: SpanAttributes): TraceSpan => {
    told.push(name, attributes);
    return span;
  };
  const tracer: Tracer = {
    startOwn: start,
    startCall: (name, _, attributes) => start(name, attributes),
    close: async () => {},
  };
  return { tracer, told };
}

describe('a registry source with traces', () => {
  const source = (load: RegistrySource['load']): RegistrySource => ({
    describe: () => 'it',
    load,
    close: async () => {},
  });
  const begun = ['registry read', { 'sideboard.registry.type': 'file' }];

  it('has a span for each reading, which the source may hand on', async () => {
    const { tracer, told } = createTracer();
    const seen: unknown[] = [];
    const traced = tracedRegistrySource(
      source(async (options) => {
        seen.push(options);
        return { bytes: new Uint8Array(7) };
      }),
      'file',
      tracer,
    );
    assert.equal(traced.describe(), 'it');
    await traced.load({ previous: 'token' });
    assert.deepEqual(seen, [{ previous: 'token', trace: TRACE }]);
    const found = { 'sideboard.registry.changed': true, 'sideboard.registry.bytes': 7 };
    assert.deepEqual(told, [...begun, found, 'end']);
  });

  it('says of a reading that nothing has changed, or by which code it failed', async () => {
    const { tracer, told } = createTracer();
    await tracedRegistrySource(
      source(async () => 'unchanged'),
      'file',
      tracer,
    ).load();
    const failing = tracedRegistrySource(
      source(() => Promise.reject(new Error('secret'))),
      'file',
      tracer,
    );
    await assert.rejects(failing.load());
    assert.deepEqual(told, [...begun, { 'sideboard.registry.changed': false }, 'end', ...begun, 'INTERNAL', 'end']);
  });

  it('hands the trace on to a registry server', async () => {
    const server = new Server();
    const seen: unknown[] = [];
    const bytes = (message: Buffer): Buffer => message;
    const method = (path: string) => ({
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: bytes,
      requestDeserialize: bytes,
      responseSerialize: bytes,
      responseDeserialize: bytes,
    });
    server.addService(
      { ListProjects: method('/feast.registry.RegistryServer/ListProjects') },
      {
        ListProjects(call: { metadata: { getMap(): object } }, reply: (error: object) => void) {
          const { traceparent, tracestate } = call.metadata.getMap() as Record<string, unknown>;
          seen.push({ traceparent, tracestate });
          reply({ code: status.PERMISSION_DENIED });
        },
      },
    );
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    const remote = createRemoteRegistrySource({ address: `127.0.0.1:${port}`, project: 'p', maxBytes: 1 << 20 });
    try {
      const { tracer, told } = createTracer();
      await assert.rejects(tracedRegistrySource(remote, 'remote', tracer).load(), { code: 'REGISTRY_ACCESS_DENIED' });
      assert.deepEqual(seen[0], Object.fromEntries(traceHeaders(TRACE)));
      assert.equal(told.at(-2), 'REGISTRY_ACCESS_DENIED');
    } finally {
      await remote.close();
      server.forceShutdown();
    }
  });
});
