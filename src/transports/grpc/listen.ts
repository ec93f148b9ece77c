import type { AddressInfo, Server, Socket } from 'node:net';
import { createTlsAcceptor } from '../tls/tls-acceptor.ts';
import {
  clearStaleSocket,
  createdPrivately,
  DEFAULT_SOCKET_MODE,
  hostText,
  listenError,
  openSocketTo,
  parseListenAddress,
} from './grpc-address.ts';
import { http2Limits } from './http2-limits.ts';
import type { GrpcServerOptions } from './service-table.ts';

export interface ListenOptions {
  /** Who may connect to a Unix socket, as the mode of its file. Default: owner and group. */
  readonly socketMode?: number | undefined;
  /** Option of the command line that names the address, for advice. */
  readonly option?: string;
}

/**
 * Lets a server listen on an address.
 * @param text as in {@link parseListenAddress}; port 0 picks a free one
 * @returns the address in the same form, with the real port
 * @throws TransportError `INVALID_LISTEN_ADDRESS`, `ADDRESS_IN_USE`, `LISTEN_FAILED`
 */
export async function listen(
  server: Server,
  text: string,
  { socketMode = DEFAULT_SOCKET_MODE, option = '--grpc-address' }: ListenOptions = {},
): Promise<string> {
  const address = parseListenAddress(text);
  if (address.kind === 'unix') await clearStaleSocket(address.path);
  const bound = address.kind === 'unix' ? `unix:${address.path}` : `${hostText(address.host)}:${address.port}`;
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) =>
      reject(listenError(bound, error.code === 'EADDRINUSE' ? option : undefined, error));
    server.once('error', fail);
    const ready = () => {
      server.removeListener('error', fail);
      resolve();
    };
    if (address.kind === 'unix') createdPrivately(() => server.listen(address.path, ready));
    else server.listen(address.port, address.host, ready);
  });
  if (address.kind === 'tcp') return `${hostText(address.host)}:${(server.address() as AddressInfo).port}`;
  try {
    await openSocketTo(address.path, socketMode);
  } catch (error) {
    server.close();
    throw error;
  }
  return bound;
}

/** What takes a server's connections, up to a number: the server itself, or TLS in front of it. */
export function acceptorOf(
  { certificates, limits, onLimit }: GrpcServerOptions,
  serve: (socket: Socket) => void,
  maxConnections = limits?.maxConnections ?? http2Limits.maxConnections,
): (socket: Socket) => void {
  const accept = certificates === undefined ? serve : createTlsAcceptor(certificates, serve);
  let open = 0;
  return (socket) => {
    if (open >= maxConnections) {
      onLimit?.('connections');
      socket.destroy();
      return;
    }
    // One that was handed over may have broken on the way, and has nothing more to say.
    if (!socket.destroyed) {
      open++;
      socket.once('close', () => open--);
    }
    accept(socket);
  };
}

/**
 * Begins to take connections, from the listener or from whoever hands them over.
 * @returns the address that was bound
 * @throws TransportError as {@link listen}
 */
export async function takeConnections(
  listener: Server,
  { address, socketMode }: GrpcServerOptions,
  accept: (socket: Socket) => void,
): Promise<string> {
  if (typeof address === 'string') return listen(listener, address, { socketMode });
  address.take(accept);
  return address.address;
}
