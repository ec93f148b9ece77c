import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type SecureContextOptions, type Server, type TLSSocket, type TlsOptions } from 'node:tls';
import { TransportError } from '../transport-error.ts';
import { hasAllowedName } from './client-names.ts';
import type { TlsContext, TlsUser } from './tls-context.ts';

const HANDSHAKE_MS = 10_000;
const HTTP2 = 'h2';

/**
 * Puts TLS on connections that somebody else has accepted. A client that does not get through is cut off; the others do not notice.
 * @param serve takes the connections on which HTTP/2 was agreed, before anything of it was read
 * @returns what takes the accepted connections
 */
export function createTlsAcceptor(tls: TlsContext, serve: (socket: TLSSocket) => void): (socket: Socket) => void {
  const { clientNames, clientCaFile } = tls.options;
  // It never listens: its part is the handshake.
  const server = createServer(serverOptions(tls));
  const acceptor = new HandshakesUnderWay(tls, server);
  server.on('secureConnection', (socket) => {
    acceptor.settled(socket);
    if (socket.alpnProtocol !== HTTP2) refuse(socket, 'The client does not ask for HTTP/2 (ALPN h2).');
    else if (clientCaFile !== undefined && clientNames.length > 0 && !isAllowed(socket, clientNames)) {
      refuse(socket, "The client's certificate has none of the names in sideboard.grpc.tls.client_names.");
    } else serve(socket);
  });
  server.on('tlsClientError', (cause: NodeJS.ErrnoException, socket) => {
    acceptor.settled(socket);
    tls.refused(
      new TransportError('TLS_CLIENT_REFUSED', `A TLS handshake failed: ${cause.code ?? 'no reason is known'}.`, {
        cause,
      }),
    );
    socket.destroy();
  });
  const refuse = (socket: TLSSocket, why: string): void => {
    socket.on('error', () => {});
    socket.destroy();
    tls.refused(new TransportError('TLS_CLIENT_REFUSED', why));
  };
  return (socket) => acceptor.accept(socket);
}

function serverOptions(tls: TlsContext): TlsOptions {
  const requestCert = tls.options.clientCaFile !== undefined;
  return {
    ...contextOptions(tls, tls.current),
    ALPNProtocols: [HTTP2],
    requestCert,
    rejectUnauthorized: requestCert,
    handshakeTimeout: HANDSHAKE_MS,
  };
}

/** A connection of gRPC lasts, so nothing is gained by resuming one; and a resumed one would not show its certificate again. */
function contextOptions(tls: TlsContext, context: SecureContextOptions): SecureContextOptions {
  const secureOptions = constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION;
  return { ...context, minVersion: tls.options.minVersion, secureOptions };
}

function isAllowed(socket: TLSSocket, names: readonly string[]): boolean {
  return socket.authorized && hasAllowedName(socket.getPeerX509Certificate()?.subjectAltName, names);
}

/** Connections whose handshakes have not ended. They must not outlast the server. */
class HandshakesUnderWay implements TlsUser {
  readonly #tls: TlsContext;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #closed = false;

  constructor(tls: TlsContext, server: Server) {
    this.#tls = tls;
    this.#server = server;
    tls.attach(this);
  }

  accept(socket: Socket): void {
    // A connection that breaks during the handshake concerns the client alone.
    socket.on('error', () => {});
    if (this.#closed) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    this.#server.emit('connection', socket);
  }

  /** Its handshake is over. Node has no public way from a TLS socket to the one under it. */
  settled(socket: TLSSocket): void {
    const under = (socket as unknown as { readonly _parent?: Socket })._parent;
    if (under !== undefined) this.#sockets.delete(under);
  }

  changed(context: SecureContextOptions): void {
    this.#server.setSecureContext(contextOptions(this.#tls, context));
  }

  close(): void {
    this.#closed = true;
    for (const socket of this.#sockets) socket.destroy();
  }
}
