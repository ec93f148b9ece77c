import { connect, createServer, type Socket } from 'node:net';

/** What the proxy does with connections: pass them on, accept them and stay silent, or cut them. */
export type ProxyMode = 'pass' | 'silent' | 'cut';

export interface SwitchableProxy {
  readonly port: number;
  /** For connections from now on; those that are open end. */
  switchTo(mode: ProxyMode): void;
  /** Lets open connections and new ones be, and passes nothing on: a black hole. */
  hold(): void;
  /** Ends {@link hold}: what was held back travels on. */
  release(): void;
  /** Ends the open connections. */
  cut(): void;
  close(): Promise<void>;
}

/** Stands between a client and a server on 127.0.0.1 and can make the server look slow or gone. */
export async function startSwitchableProxy(targetPort: number): Promise<SwitchableProxy> {
  const sockets = new Set<Socket>();
  let mode: ProxyMode = 'pass';
  let held = false;
  const track = (socket: Socket, other?: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      other?.destroy();
    });
  };
  const server = createServer((client) => {
    if (mode === 'cut') {
      client.destroy();
      return;
    }
    if (mode === 'silent') {
      track(client);
      client.resume();
      return;
    }
    const upstream = connect(targetPort, '127.0.0.1');
    track(client, upstream);
    track(upstream, client);
    pass(client, upstream);
    pass(upstream, client);
  });
  const pass = (from: Socket, to: Socket): void => {
    from.on('data', (bytes: Buffer) => to.write(bytes));
    from.on('end', () => to.end());
    if (held) from.pause();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  const endAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: address.port,
    hold() {
      held = true;
      for (const socket of sockets) socket.pause();
    },
    release() {
      held = false;
      for (const socket of sockets) socket.resume();
    },
    cut: endAll,
    switchTo(next) {
      mode = next;
      endAll();
    },
    close() {
      endAll();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
