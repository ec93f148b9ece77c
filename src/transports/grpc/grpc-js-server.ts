import { createServer, type Server as NetServer, type Socket } from 'node:net';
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
import { CODE_TRAILER, grpcFailureFrom } from './grpc-status.ts';
import { listen } from './listen.ts';
import type { GrpcServer, GrpcServerOptions, ServiceTable, UnaryMethod } from './service-table.ts';

type Call = ServerUnaryCall<Buffer, Buffer>;
type Reply = sendUnaryData<Buffer>;
/** Calls under way, each by the function that ends it with an error. */
type OpenCalls = Set<(error: unknown) => void>;

/** How long clients may take to hang up after GOAWAY: without calls, and after the last one, whose answer they may still read. */
const HANG_UP_MS = 250;
const LAST_ANSWER_MS = 2_000;
/** How often closing looks whether the last call has ended. */
const LOOK_MS = 20;

/**
 * Serves a table of methods with @grpc/grpc-js. Messages cross as bytes: the library never serializes anything.
 *
 * It gets its connections from here. Of its own it shows none, and it waits for ever for clients that do not hang up.
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
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const sockets = new Set<Socket>();
  const serveSocket = (socket: Socket): void => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    injector.injectConnection(socket);
  };
  const { address: from } = options;
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, serveSocket);
  const address = typeof from === 'string' ? await listen(listener, from) : from.address;
  if (typeof from !== 'string') from.take(serveSocket);
  let closing: Promise<void> | undefined;
  return {
    address,
    openCalls: () => open.size,
    close(graceMs) {
      closing ??= close(server, listener, sockets, open, graceMs);
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
  // Also fires after a successful answer, when nobody listens any more. Of one that went away nobody learns a failure.
  call.on('cancelled', () => {
    open.delete(fail);
    controller.abort();
  });
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

/**
 * Closes with GOAWAY and waits for the calls under way. Those that outlast the grace are answered UNAVAILABLE, which tells
 * the client to try elsewhere.
 */
async function close(
  server: Server,
  listener: NetServer,
  sockets: ReadonlySet<Socket>,
  open: OpenCalls,
  graceMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    // A listener that was not needed says that it does not listen, which is as good.
    listener.close(() => resolve());
  });
  // Its own end would be too early on Node 24, which has closed the library's sessions by then, and otherwise too late.
  server.tryShutdown(() => {});
  const hangUpMs = open.size === 0 ? HANG_UP_MS : LAST_ANSWER_MS;
  const end = Date.now() + graceMs;
  while (sockets.size > 0 && open.size > 0 && Date.now() < end) await pause(Math.min(LOOK_MS, end - Date.now()));
  for (const fail of [...open]) fail(new TransportError('SHUTTING_DOWN', 'The server is shutting down.'));
  const hungUp = Date.now() + Math.min(hangUpMs, Math.max(end - Date.now(), HANG_UP_MS));
  while (sockets.size > 0 && Date.now() < hungUp) await pause(LOOK_MS);
  for (const socket of sockets) socket.destroy();
  await closed;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
