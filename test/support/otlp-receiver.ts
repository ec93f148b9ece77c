import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type MethodDefinition, Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { projectRoot } from './project-root.ts';

export type AttributeValue = string | number | boolean | readonly AttributeValue[];

/** A span as it came in. Ids are hexadecimal; `parent` is empty for the first of a trace. */
export interface ReceivedSpan {
  readonly trace: string;
  readonly id: string;
  readonly parent: string;
  readonly traceState: string;
  readonly name: string;
  /** 2 server, 3 client. */
  readonly kind: number;
  readonly startNanos: bigint;
  readonly endNanos: bigint;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** 0 unset, 1 ok, 2 error. */
  readonly status: number;
  readonly statusMessage: string;
  /** Of the process that made it. */
  readonly resource: Readonly<Record<string, AttributeValue>>;
}

/** A collector of traces that understands OTLP. */
export interface OtlpReceiver {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly endpoint: string;
  readonly spans: readonly ReceivedSpan[];
  /** Everything that came, as it came. */
  readonly bytes: () => Buffer;
  /** Requests that came, also those that were refused. */
  readonly requests: () => number;
  /** What it answers from now on: takes spans, refuses them with a status of HTTP, or says nothing. */
  answer: 'take' | 'refuse' | 'hang';
  close(): Promise<void>;
}

type KeyValues = readonly { readonly key: string; readonly value: AnyValue }[];

interface AnyValue {
  readonly value?: 'stringValue' | 'boolValue' | 'intValue' | 'doubleValue' | 'arrayValue';
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string;
  readonly doubleValue?: number;
  readonly arrayValue?: { readonly values: readonly AnyValue[] };
}

interface ExportRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: KeyValues };
    readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[];
  }[];
}

interface WireSpan {
  readonly traceId: Buffer;
  readonly spanId: Buffer;
  readonly parentSpanId: Buffer;
  readonly traceState: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: KeyValues;
  readonly status: { readonly code: number; readonly message: string } | null;
}

const SERVICE = 'opentelemetry.proto.collector.trace.v1.TraceService';

/** Starts a collector on a free port of this machine, for OTLP over HTTP or over gRPC. */
export async function startOtlpReceiver(protocol: 'http/protobuf' | 'grpc' = 'http/protobuf'): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const raw: Buffer[] = [];
  let requests = 0;
  const take = (bytes: Buffer, request: ExportRequest): void => {
    raw.push(bytes);
    spans.push(...spansOf(request));
  };
  const definition = exportMethod();
  const decode = (bytes: Buffer): ExportRequest => definition.requestDeserialize(bytes) as ExportRequest;
  const close = protocol === 'grpc' ? startGrpc : startHttp;
  const started = await close();
  const receiver: OtlpReceiver = {
    endpoint: started.endpoint,
    spans,
    bytes: () => Buffer.concat(raw),
    requests: () => requests,
    answer: 'take',
    close: started.close,
  };
  return receiver;

  async function startHttp(): Promise<{ endpoint: string; close: () => Promise<void> }> {
    const server = createServer(async (request, response) => {
      requests++;
      const body = await bodyOf(request);
      if (receiver.answer === 'hang') return;
      const isGood = request.url === '/v1/traces' && request.headers['content-type'] === 'application/x-protobuf';
      if (receiver.answer === 'refuse' || !isGood) {
        response.writeHead(receiver.answer === 'refuse' ? 400 : 404).end();
        return;
      }
      take(body, decode(body));
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      close: () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    };
  }

  async function startGrpc(): Promise<{ endpoint: string; close: () => Promise<void> }> {
    const server = new Server();
    const raws = { ...definition, requestDeserialize: (bytes: Buffer) => bytes } as MethodDefinition<Buffer, object>;
    server.addService({ Export: raws } as ServiceDefinition, {
      Export(call: { request: Buffer }, reply: (error: null, answer: object) => void) {
        requests++;
        take(call.request, decode(call.request));
        reply(null, {});
      },
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    return { endpoint: `http://127.0.0.1:${port}`, close: async () => server.forceShutdown() };
  }
}

function exportMethod(): MethodDefinition<object, object> {
  const path = join(projectRoot, 'test/fixtures/otlp/trace-service.proto');
  const loaded = loadSync(path, { longs: String, defaults: true, oneofs: true });
  return (loaded[SERVICE] as unknown as Record<'Export', MethodDefinition<object, object>>).Export;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function spansOf({ resourceSpans }: ExportRequest): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap((scope) =>
      scope.spans.map((span) => ({
        trace: span.traceId.toString('hex'),
        id: span.spanId.toString('hex'),
        parent: span.parentSpanId.toString('hex'),
        traceState: span.traceState,
        name: span.name,
        kind: span.kind,
        startNanos: BigInt(span.startTimeUnixNano),
        endNanos: BigInt(span.endTimeUnixNano),
        attributes: attributesOf(span.attributes),
        status: span.status?.code ?? 0,
        statusMessage: span.status?.message ?? '',
        resource: attributesOf(resource.attributes),
      })),
    ),
  );
}

function attributesOf(pairs: KeyValues): Record<string, AttributeValue> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, plainValue(value)]));
}

function plainValue(any: AnyValue): AttributeValue {
  switch (any.value) {
    case 'stringValue':
      return any.stringValue ?? '';
    case 'boolValue':
      return any.boolValue === true;
    case 'intValue':
      return Number(any.intValue);
    case 'doubleValue':
      return any.doubleValue ?? 0;
    default:
      return (any.arrayValue?.values ?? []).map(plainValue);
  }
}
