import { createServer, type Server as NetServer, type Socket } from 'node:net';
import {
  type Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
} from '@grpc/grpc-js';
import type { Caller } from '../../registry/access/caller.ts';
import type { ServedCall } from '../../serving/served-call.ts';
import { TransportError } from '../transport-error.ts';
import { CallAdmission, isLimited } from './call-admission.ts';
import type { CallGuard } from './call-guard.ts';
import { traceOf } from './call-marks.ts';
import { marksOf, type OpenCall, originOf, serveStream, statusFrom, toBuffer } from './grpc-js-stream-call.ts';
import { http2Limits } from './http2-limits.ts';
import { acceptorOf, takeConnections } from './listen.ts';
import type { GrpcServer, GrpcServerOptions, ServiceMethod, ServiceTable, UnaryMethod } from './service-table.ts';

type Call = ServerUnaryCall<Buffer, Buffer>;
type StreamedCallOfLibrary = ServerDuplexStream<Buffer, Buffer>;
type Reply = sendUnaryData<Buffer>;

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
  const callers = new WeakMap<Metadata, Caller>();
  const limits = { ...http2Limits, ...options.limits };
  const admission = options.admission && new CallAdmission(options.admission);
  const server = new Server({
    ...(options.guard === undefined ? {} : { interceptors: [guarded(options.guard, options, callers)] }),
    'grpc.max_receive_message_length': options.maxMessageBytes,
    'grpc.max_concurrent_streams': options.maxConcurrentStreams,
    'grpc.keepalive_time_ms': limits.keepaliveMs,
    'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
    ...(limits.connectionAgeMs > 0 && { 'grpc.max_connection_age_ms': limits.connectionAgeMs }),
    'grpc.max_connection_age_grace_ms': limits.connectionAgeGraceMs,
    ...(limits.connectionIdleMs > 0 && { 'grpc.max_connection_idle_ms': limits.connectionIdleMs }),
    // Channelz keeps a record per connection, and probes make many connections.
    'grpc.enable_channelz': 0,
  });
  const open = new Set<OpenCall>();
  let closing: Promise<void> | undefined;
  for (const method of methods) {
    const implementation =
      'stream' in method
        ? (call: StreamedCallOfLibrary) => {
            const opened = serveStream(method, call, options, callers.get(call.metadata), open);
            if (closing !== undefined) opened.drain();
          }
        : (call: Call, reply: Reply) =>
            serve(method, call, reply, options, callers.get(call.metadata), open, admission);
    server.addService(definitionOf(method), { call: implementation });
  }
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const sockets = new Set<Socket>();
  const accept = acceptorOf(options, (socket: Socket): void => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    injector.injectConnection(socket);
  });
  const listener = createServer({ noDelay: true }, accept);
  const address = await takeConnections(listener, options, accept);
  return {
    address,
    openCalls: () => open.size,
    runningCalls: () => admission?.running ?? 0,
    openConnections: () => sockets.size,
    close(graceMs) {
      closing ??= close(server, listener, sockets, open, graceMs);
      return closing;
    },
  };
}

function definitionOf(method: ServiceMethod): ServiceDefinition {
  const isStream = 'stream' in method;
  const bytes = (message: Buffer) => message;
  const definition: MethodDefinition<Buffer, Buffer> = {
    path: method.path,
    requestStream: isStream,
    responseStream: isStream,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
  return { call: definition };
}

/** Finds out who calls before the library reads a message. What it says goes along by the call's own metadata. */
function guarded(
  guard: CallGuard,
  { onFailure }: GrpcServerOptions,
  callers: WeakMap<Metadata, Caller>,
): ServerInterceptor {
  return ({ path }, call) =>
    new ServerInterceptingCall(call, {
      start(next) {
        const admit = async (metadata: Metadata): Promise<Caller> => {
          const headers = metadata.get('authorization').map(String);
          return guard.admit(path, headers.length > 1 ? 'sent twice' : headers[0]);
        };
        const listener = new ServerListenerBuilder().withOnReceiveMetadata((metadata, goOn) => {
          admit(metadata).then(
            (caller) => {
              callers.set(metadata, caller);
              goOn(metadata);
            },
            (error: unknown) => {
              onFailure(error, path, { marks: marksOf(metadata) });
              call.sendStatus(statusFrom(error));
            },
          );
        });
        next(listener.build());
      },
    });
}

function serve(
  method: UnaryMethod,
  call: Call,
  reply: Reply,
  options: GrpcServerOptions,
  caller: Caller | undefined,
  open: Set<OpenCall>,
  admission: CallAdmission | undefined,
): void {
  const counted = isLimited(method.path) ? admission : undefined;
  const refusal = counted?.refusal;
  if (refusal !== undefined) {
    options.onFailure(refusal, method.path, originOf(call));
    reply(statusFrom(refusal));
    return;
  }
  const controller = new AbortController();
  // Also fires after a successful answer, when nobody listens any more. Of one that went away nobody learns a failure.
  call.on('cancelled', () => {
    open.delete(opened);
    controller.abort();
  });
  const origin = originOf(call);
  const served: ServedCall = {
    ...deadlineOf(call, options),
    signal: controller.signal,
    caller,
    ...origin,
    trace: traceOf(origin.marks),
  };
  const finish = (error: unknown, answer?: Uint8Array) => {
    if (!open.delete(opened)) return;
    if (answer !== undefined) reply(null, toBuffer(answer));
    else {
      options.onFailure(error, method.path, served);
      reply(statusFrom(error));
    }
  };
  const fail = (error: unknown) => finish(error);
  const opened = { fail, drain() {} };
  open.add(opened);
  // One promise chain for both kinds of handler: what a synchronous one throws arrives as a rejection.
  counted?.began();
  Promise.resolve()
    .then(() => method.handle(call.request, served))
    .finally(() => counted?.ended())
    .then((answer) => finish(undefined, answer), fail);
}

/** Milliseconds since the Unix epoch: the caller's deadline, the default where there is none, never behind the maximum. */
function deadlineOf(
  call: Call,
  options: GrpcServerOptions,
): { readonly deadline: number; readonly deadlineIsOurs: boolean } {
  const named = call.getDeadline();
  const asked = named instanceof Date ? named.getTime() : named;
  const now = Date.now();
  const latest = now + options.maxDeadlineMs;
  if (!Number.isFinite(asked))
    return { deadline: Math.min(now + options.defaultDeadlineMs, latest), deadlineIsOurs: true };
  return { deadline: Math.min(asked, latest), deadlineIsOurs: asked > latest };
}

/**
 * Closes with GOAWAY and waits for the calls under way. Those that outlast the grace are answered UNAVAILABLE, which tells
 * the client to try elsewhere.
 */
async function close(
  server: Server,
  listener: NetServer,
  sockets: ReadonlySet<Socket>,
  open: ReadonlySet<OpenCall>,
  graceMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    // A listener that was not needed says that it does not listen, which is as good.
    listener.close(() => resolve());
  });
  // Its own end would be too early on Node 24, which has closed the library's sessions by then, and otherwise too late.
  server.tryShutdown(() => {});
  for (const call of [...open]) call.drain();
  const hangUpMs = open.size === 0 ? HANG_UP_MS : LAST_ANSWER_MS;
  const end = Date.now() + graceMs;
  while (sockets.size > 0 && open.size > 0 && Date.now() < end) await pause(Math.min(LOOK_MS, end - Date.now()));
  for (const call of [...open]) call.fail(new TransportError('SHUTTING_DOWN', 'The server is shutting down.'));
  const hungUp = Date.now() + Math.min(hangUpMs, Math.max(end - Date.now(), HANG_UP_MS));
  while (sockets.size > 0 && Date.now() < hungUp) await pause(LOOK_MS);
  for (const socket of sockets) socket.destroy();
  await closed;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
