import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSeededRandom, type SeededRandom } from '../../support/seeded-random.ts';
import { LinkPipe } from './link-pipe.ts';
import { LinkShare } from './link-share.ts';
import type { Toxic } from './toxic.ts';

export interface FaultProxyOptions {
  readonly targetPort: number;
  readonly seed: number;
}

/** Stands between a client and a server on 127.0.0.1 and spoils what goes through it. */
export interface FaultProxy {
  readonly port: number;
  /** Puts these toxics in place of all others, on links that are there and on those to come. */
  set(...toxics: readonly Toxic[]): void;
  /** Takes all toxics away. */
  clear(): void;
  /** Ends all links and refuses connections. */
  down(): Promise<void>;
  /** Listens again, on the same port. */
  up(): Promise<void>;
  /** Ends all links with RST; new ones are taken. */
  resetAll(): void;
  /** Links made so far. */
  readonly made: number;
  readonly open: number;
  /** Most links open at a time since {@link resetPeak}. */
  readonly peakOpen: number;
  resetPeak(): void;
  /** Bytes passed on so far, both ways. */
  readonly bytes: number;
  close(): Promise<void>;
}

export async function startFaultProxy({ targetPort, seed }: FaultProxyOptions): Promise<FaultProxy> {
  const random = createSeededRandom(seed);
  const links = new Set<Link>();
  const shares = new WeakMap<Toxic, LinkShare>();
  const counts = { made: 0, peakOpen: 0, bytes: 0 };
  let toxics: readonly Toxic[] = [];
  let port = 0;
  let server: Server | undefined;

  const takes = (toxic: Toxic): boolean => {
    let share = shares.get(toxic);
    if (share === undefined) {
      share = new LinkShare(toxic.share ?? 1, random);
      shares.set(toxic, share);
    }
    return share.takesNext();
  };
  const accept = (client: Socket): void => {
    counts.made++;
    const link = new Link(client, targetPort, random, {
      onBytes: (count) => {
        counts.bytes += count;
      },
      onEnd: () => links.delete(link),
      takes,
    });
    links.add(link);
    counts.peakOpen = Math.max(counts.peakOpen, links.size);
    link.setToxics(toxics);
  };
  const up = async (): Promise<void> => {
    if (server !== undefined) return;
    for (let attempt = 1; ; attempt++) {
      try {
        server = await listen(port, accept);
        break;
      } catch (error) {
        if (attempt === 50) throw error;
        await sleep(20);
      }
    }
    const address = server.address();
    if (typeof address === 'object' && address !== null) port = address.port;
  };
  const down = async (): Promise<void> => {
    const closing = server;
    server = undefined;
    const closed = new Promise<void>((resolve) => (closing === undefined ? resolve() : closing.close(() => resolve())));
    for (const link of links) link.end(true);
    await closed;
  };
  await up();
  return {
    get port() {
      return port;
    },
    set(...next) {
      toxics = next;
      for (const link of links) link.setToxics(toxics);
    },
    clear() {
      toxics = [];
      for (const link of links) link.setToxics(toxics);
    },
    down,
    up,
    resetAll() {
      for (const link of links) link.end(true);
    },
    get made() {
      return counts.made;
    },
    get open() {
      return links.size;
    },
    get peakOpen() {
      return counts.peakOpen;
    },
    resetPeak() {
      counts.peakOpen = links.size;
    },
    get bytes() {
      return counts.bytes;
    },
    close: down,
  };
}

interface LinkEvents {
  readonly onBytes: (count: number) => void;
  readonly onEnd: () => void;
  /** Whether a toxic is for the link that asks; asked once for each. */
  readonly takes: (toxic: Toxic) => boolean;
}

/** A client's connection and the one to the server that belongs to it. */
class Link {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #pipes: Readonly<Record<'down' | 'up', LinkPipe>>;
  readonly #chosen = new Map<Toxic, boolean>();
  readonly #onEnd: () => void;
  readonly #takes: (toxic: Toxic) => boolean;
  #ended = false;

  constructor(client: Socket, targetPort: number, random: SeededRandom, { onBytes, onEnd, takes }: LinkEvents) {
    this.#client = client;
    this.#upstream = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true });
    this.#takes = takes;
    this.#onEnd = onEnd;
    for (const socket of [client, this.#upstream]) {
      socket.setNoDelay(true);
      socket.on('error', () => this.end(true));
      socket.on('close', () => this.end(false));
    }
    const end = (abruptly: boolean): void => this.end(abruptly);
    this.#pipes = {
      up: new LinkPipe({ from: client, to: this.#upstream, random, end, onBytes }),
      down: new LinkPipe({ from: this.#upstream, to: client, random, end, onBytes }),
    };
  }

  setToxics(toxics: readonly Toxic[]): void {
    for (const toxic of toxics) {
      if (!this.#chosen.has(toxic)) this.#chosen.set(toxic, this.#takes(toxic));
    }
    const own = toxics.filter((toxic) => this.#chosen.get(toxic) === true);
    for (const direction of ['down', 'up'] as const) {
      this.#pipes[direction].setToxics(own.filter(({ toward = 'down' }) => toward === 'both' || toward === direction));
    }
  }

  end(abruptly: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#upstream.destroy();
    if (abruptly && !this.#client.destroyed) this.#client.resetAndDestroy();
    else this.#client.destroy();
    this.#onEnd();
  }
}

function listen(port: number, accept: (client: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, accept);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}
