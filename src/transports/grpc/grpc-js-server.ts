import {
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceDefinition,
  type StatusObject,
  type sendUnaryData,
} from '@grpc/grpc-js';
import type { CallOptions } from '../../stores/online-store.ts';
import { TransportError } from '../transport-error.ts';
import { clearStaleSocket, hostText, listenError, openSocketToGroup, parseListenAddress } from './grpc-address.ts';
import { CODE_TRAILER, grpcFailureFrom } from './grpc-status.ts';
import type { GrpcServer, GrpcServerOptions, ServiceTable, UnaryMethod } from './service-table.ts';

type Call = ServerUnaryCall<Buffer, Buffer>;
type Reply = sendUnaryData<Buffer>;
/** Calls under way, each by the function that ends it with an error. */
type OpenCalls = Set<(error: unknown) => void>;

/** How long the last answers may take to leave once every call was ended. */
const FLUSH_MS = 250;

/**
 * Serves a table of methods with @grpc/grpc-js. Messages cross as bytes: the library never serializes anything.
 * @throws TransportError when the address cannot be bound
 */
export async function startGrpcJsServer(methods: ServiceTable, options: GrpcServerOptions): Promise<GrpcServer> {
  const server = new Server({
    'grpc.max_receive_message_length': options.maxMessageBytes,
    'grpc.max_concurrent_streams': options.maxConcurrentStreams,
    // Channelz keeps a record per connection, and probes make many connections.
    'grpc.enable_channelz': 0,
  });
  const open: OpenCalls = new Set();
  for (const method of methods) {
    const run = (call: Call, reply: Reply) => serve(method, call, reply, options, open);
    server.addService(definitionOf(method), { call: run });
  }
  const address = await bind(server, options);
  let closing: Promise<void> | undefined;
  return {
    address,
    openCalls: () => open.size,
    close(graceMs) {
      closing ??= close(server, graceMs, open);
      return closing;
    },
  };
}

function definitionOf(method: UnaryMethod): ServiceDefinition {
  const bytes = (message: Buffer) => message;
  const definition: MethodDefinition<Buffer, Buffer> = {
    path: method.path,
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
  return { call: definition };
}

function serve(method: UnaryMethod, call: Call, reply: Reply, options: GrpcServerOptions, open: OpenCalls): void {
  const controller = new AbortController();
  // Also fires after a successful answer, when nobody listens any more.
  call.on('cancelled', () => controller.abort());
  const callOptions: CallOptions = { deadline: deadlineOf(call, options), signal: controller.signal };
  const finish = (error: unknown, answer?: Uint8Array) => {
    if (!open.delete(fail)) return;
    if (answer !== undefined) reply(null, toBuffer(answer));
    else reply(refusal(error, method, options));
  };
  const fail = (error: unknown) => finish(error);
  open.add(fail);
  // One promise chain for both kinds of handler: what a synchronous one throws arrives as a rejection.
  Promise.resolve()
    .then(() => method.handle(call.request, callOptions))
    .then((answer) => finish(undefined, answer), fail);
}

function refusal(error: unknown, method: UnaryMethod, options: GrpcServerOptions): Partial<StatusObject> {
  options.onFailure(error, method.path);
  const failure = grpcFailureFrom(error);
  const metadata = new Metadata();
  metadata.set(CODE_TRAILER, failure.code);
  return { code: failure.status, details: failure.message, metadata };
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Milliseconds since the Unix epoch: the caller's deadline, the default where there is none, never behind the maximum. */
function deadlineOf(call: Call, options: GrpcServerOptions): number {
  const deadline = call.getDeadline();
  const asked = deadline instanceof Date ? deadline.getTime() : deadline;
  const now = Date.now();
  return Math.min(Number.isFinite(asked) ? asked : now + options.defaultDeadlineMs, now + options.maxDeadlineMs);
}

async function bind(server: Server, options: GrpcServerOptions): Promise<string> {
  if (typeof options.address !== 'string') {
    const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
    options.address.take((socket) => injector.injectConnection(socket));
    return options.address.address;
  }
  const address = parseListenAddress(options.address);
  if (address.kind === 'unix') {
    await clearStaleSocket(address.path);
    await listen(server, `unix:${address.path}`);
    await openSocketToGroup(address.path);
    return `unix:${address.path}`;
  }
  const host = hostText(address.host);
  const port = await listen(server, `${host}:${address.port}`);
  return `${host}:${port}`;
}

function listen(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(listenError(address, error.message.includes('EADDRINUSE'), error));
    });
  });
}

/**
 * Closes with GOAWAY and waits for the calls under way. Those that outlast the grace are answered UNAVAILABLE, which tells
 * the client to try elsewhere; the library's own forced shutdown only knows connections that channelz keeps.
 */
function close(server: Server, graceMs: number, open: OpenCalls): Promise<void> {
  return new Promise((resolve) => {
    let flush: NodeJS.Timeout | undefined;
    const force = setTimeout(() => {
      for (const fail of [...open]) fail(new TransportError('SHUTTING_DOWN', 'The server is shutting down.'));
      flush = setTimeout(() => {
        server.forceShutdown();
        resolve();
      }, FLUSH_MS);
    }, graceMs);
    server.tryShutdown(() => {
      clearTimeout(force);
      clearTimeout(flush);
      resolve();
    });
  });
}
