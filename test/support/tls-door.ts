import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { CertificateFiles } from './tls-certificates.ts';

export interface TlsDoor {
  readonly port: number;
  /** The name that each client asked for; `undefined` where it named none. */
  readonly names: readonly (string | undefined)[];
  close(): Promise<void>;
}

/**
 * Lets a server that speaks no TLS be reached over it.
 * @param opening `postgres`: clients ask in PostgreSQL's own words whether TLS is spoken, and then begin with it
 */
export async function startTlsDoor(
  port: number,
  { cert, key }: CertificateFiles,
  opening: 'tls' | 'postgres' = 'tls',
): Promise<TlsDoor> {
  const names: (string | undefined)[] = [];
  const tls = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, (socket) => {
    names.push(typeof socket.servername === 'string' ? socket.servername : undefined);
    const inner = connect(port, '127.0.0.1');
    for (const each of [socket, inner]) {
      each.on('error', () => {});
      each.on('close', () => {
        socket.destroy();
        inner.destroy();
      });
    }
    socket.pipe(inner).pipe(socket);
  });
  tls.on('tlsClientError', () => {});
  const door: Server =
    opening === 'tls'
      ? tls
      : createServer((socket) => {
          socket.on('error', () => {});
          const begin = (): void => {
            // An `SSLRequest`: its length, 8, and a number that is not a version of the protocol.
            if (socket.read(8) === null) return;
            socket.off('readable', begin);
            socket.write('S');
            tls.emit('connection', socket);
          };
          socket.on('readable', begin);
        });
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  return {
    port: (door.address() as AddressInfo).port,
    names,
    close: () => new Promise<void>((resolve) => door.close(() => resolve())),
  };
}
