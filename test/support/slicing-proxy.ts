import { connect, createServer, type Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

export interface SlicingProxyOptions {
  readonly targetPort: number;
  /** Bytes of the next piece that the client gets; each piece is written by itself, one per turn of the event loop. */
  readonly pieceBytes: () => number;
  /** Pause behind a piece, in milliseconds; 0 for none. */
  readonly pauseMs?: () => number;
  /** After how many bytes to the client a new connection is cut; none by default. */
  readonly cutAfterBytes?: () => number;
}

/** Stands between a client and a server, passes requests on whole and replies in pieces, and cuts connections. */
export interface SlicingProxy {
  readonly port: number;
  /** Pieces passed on so far. */
  readonly pieces: number;
  /** Connections cut so far. */
  readonly cuts: number;
  readonly open: number;
  /** Cuts all connections at once. */
  cutAll(): void;
  close(): Promise<void>;
}

export function startSlicingProxy(options: SlicingProxyOptions): Promise<SlicingProxy> {
  const sockets = new Set<Socket>();
  const counts = { pieces: 0, cuts: 0 };
  const server = createServer((client) => {
    const upstream = connect(options.targetPort, '127.0.0.1');
    let left = options.cutAfterBytes?.() ?? Number.POSITIVE_INFINITY;
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    client.on('data', (chunk) => upstream.write(chunk));
    let passing = Promise.resolve();
    upstream.on('data', (chunk) => {
      passing = passing.then(() => pass(chunk));
    });
    const pass = async (chunk: Buffer): Promise<void> => {
      for (let start = 0; start < chunk.length && !client.destroyed; ) {
        const size = Math.min(options.pieceBytes(), chunk.length - start, left);
        client.write(chunk.subarray(start, start + size));
        counts.pieces++;
        start += size;
        left -= size;
        const pauseMs = options.pauseMs?.() ?? 0;
        await (pauseMs > 0 ? sleep(pauseMs) : nextTurn());
        if (left > 0) continue;
        counts.cuts++;
        end();
      }
    };
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve({
        port: typeof address === 'object' && address !== null ? address.port : 0,
        get pieces() {
          return counts.pieces;
        },
        get cuts() {
          return counts.cuts;
        },
        get open() {
          return sockets.size;
        },
        cutAll: () => {
          for (const socket of sockets) socket.destroy();
        },
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            for (const socket of sockets) socket.destroy();
          }),
      });
    });
  });
}
