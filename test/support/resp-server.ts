import { createServer, type Socket } from 'node:net';

/** A fault injector: speaks just enough of Redis' protocol to answer every command with what a test tells it. */
export interface RespServer {
  readonly port: number;
  /** The commands that came, each as its words. */
  readonly commands: readonly (readonly string[])[];
  close(): Promise<void>;
}

/** @param answer raw protocol bytes for a command; `undefined` for silence */
export function startRespServer(answer: (command: readonly string[]) => string | undefined): Promise<RespServer> {
  const commands: string[][] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    let pending = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      for (let read = readCommand(pending); read !== undefined; read = readCommand(pending)) {
        pending = pending.subarray(read.end);
        commands.push(read.words);
        const reply = answer(read.words);
        if (reply !== undefined) socket.write(reply, 'latin1');
      }
    });
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve({
        port: typeof address === 'object' && address !== null ? address.port : 0,
        commands,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            for (const socket of sockets) socket.destroy();
          }),
      });
    });
  });
}

function readCommand(bytes: Buffer): { readonly words: string[]; readonly end: number } | undefined {
  let pos = 0;
  const readLine = (): string | undefined => {
    const end = bytes.indexOf('\r\n', pos);
    if (end < 0) return undefined;
    const line = bytes.toString('latin1', pos, end);
    pos = end + 2;
    return line;
  };
  const head = readLine();
  if (head === undefined) return undefined;
  const words: string[] = [];
  for (let word = 0; word < Number(head.slice(1)); word++) {
    const size = readLine();
    if (size === undefined) return undefined;
    const end = pos + Number(size.slice(1));
    if (end + 2 > bytes.length) return undefined;
    words.push(bytes.toString('latin1', pos, end));
    pos = end + 2;
  }
  return { words, end: pos };
}
