import { createServer, type ServerHttp2Session, type ServerOptions } from 'node:http2';
import { createServer as createListener, type Socket } from 'node:net';
import { CallAdmission } from '../call-admission.ts';
import { ConnectionSet } from '../connection-set.ts';
import { type Http2Limits, http2Limits } from '../http2-limits.ts';
import { acceptorOf, takeConnections } from '../listen.ts';
import type { GrpcServer, GrpcServerOptions, ServiceTable } from '../service-table.ts';
import { GrpcConnection, type ServerContext } from './grpc-connection.ts';

/**
 * A gRPC server on node:http2, without a layer in between: what a call costs is mostly what HTTP/2 costs.
 * @param base other limits than those documented, for tests
 * @throws TransportError when the address cannot be bound
 */
export async function startGrpcHttp2Server(
  methods: ServiceTable,
  options: GrpcServerOptions,
  base: Http2Limits = http2Limits,
): Promise<GrpcServer> {
  const limits: Http2Limits = { ...base, ...options.limits };
  const context: ServerContext = {
    methods: new Map(methods.map((each) => [each.path, each])),
    options,
    limits,
    admission: options.admission && new CallAdmission(options.admission),
  };
  const server = createServer(serverOptions(options, limits));
  const connections = new ConnectionSet({ ...context, onLimit: options.onLimit });

  // 'connection' comes before node:http2 has made a session of it: the session's own `socket` cannot be destroyed.
  let accepted: Socket | undefined;
  server.prependListener('connection', (socket: Socket) => {
    accepted = socket;
  });
  server.on('session', (session: ServerHttp2Session) => {
    const socket = accepted;
    if (socket !== undefined) connections.add(new GrpcConnection(session, socket, context));
  });
  // Bytes that are not HTTP/2 end their own connection and nothing else.
  server.on('sessionError', () => {});

  const accept = acceptorOf(options, (socket) => void server.emit('connection', socket), limits.maxConnections);
  // Left to itself the server would listen too, and take any number of connections.
  const listener = createListener({ noDelay: true }, accept);
  return connections.serve(listener, await takeConnections(listener, options, accept));
}

function serverOptions(options: GrpcServerOptions, limits: Http2Limits): ServerOptions {
  const known: ServerOptions = {
    settings: {
      maxConcurrentStreams: options.maxConcurrentStreams,
      maxHeaderListSize: limits.maxHeaderBytes,
      enablePush: false,
    },
    // Beyond its limit node:http2 refuses streams, and soon the connection. Answers are counted by the connection instead.
    maxSessionMemory: Number.MAX_SAFE_INTEGER,
  };
  // Options of node:net and of newer Nodes that the types do not know here.
  return Object.assign(known, {
    noDelay: true,
    streamResetRate: limits.resetsPerSecond,
    streamResetBurst: limits.resetsAtOnce,
  });
}
