import type { Socket } from 'node:net';
import type { HandedConnections } from '../transports/grpc/service-table.ts';
import type { ReadinessReport } from './readiness.ts';
import type { ServerCounters } from './server-counters.ts';
import type { WorkerOrder, WorkerReport } from './worker-messages.ts';

export interface WorkerLinkEvents {
  /** It is told to stop. */
  readonly onStop: (signal: 'SIGTERM' | 'SIGINT') => void;
  /** It is about to be told to stop. */
  readonly onRetreat: () => void;
  /** The supervising process has ended without a word. */
  readonly onOrphaned: () => void;
  readonly counters: () => ServerCounters;
}

/** A worker's end of the channel to the process that supervises it. */
export class WorkerLink implements HandedConnections {
  /** Where the supervising process accepts connections. */
  readonly address: string;
  readonly #process: NodeJS.Process;
  #serve: ((socket: Socket) => void) | undefined;
  #finished = false;

  /** @param process this process, started with a channel */
  constructor(process: NodeJS.Process, address: string, { onStop, onRetreat, onOrphaned, counters }: WorkerLinkEvents) {
    this.address = address;
    this.#process = process;
    process.on('message', (order: WorkerOrder, socket?: Socket) => {
      if (order.order === 'connection') this.#connected(socket);
      else if (order.order === 'stop') onStop(order.signal);
      else if (order.order === 'retreat') onRetreat();
      else if (order.order === 'answer') this.#tell({ report: 'here' });
      else this.#tell({ report: 'counted', counters: counters() });
    });
    process.once('disconnect', () => {
      if (!this.#finished) onOrphaned();
    });
    // It may have happened while this process was starting.
    if (!process.connected) onOrphaned();
  }

  /** Part of {@link HandedConnections}. */
  take(serve: (socket: Socket) => void): void {
    this.#serve = serve;
  }

  /** Asks for connections. */
  ready(summary: string): void {
    this.#tell({ report: 'ready', summary });
  }

  /** Says whether calls should come here. */
  readiness(readiness: ReadinessReport): void {
    if (!this.#finished) this.#tell({ report: 'readiness', readiness });
  }

  /** Takes no more connections. */
  leave(): void {
    this.#serve = undefined;
    this.#tell({ report: 'leaving' });
  }

  /** The last word. */
  finish(counters?: ServerCounters): void {
    if (this.#finished) return;
    this.#finished = true;
    if (!this.#process.connected) return;
    if (counters !== undefined) this.#tell({ report: 'counted', counters });
    this.#process.disconnect();
  }

  #connected(socket: Socket | undefined): void {
    const serve = this.#serve;
    // Sent before the word that this worker leaves had arrived. It is dealt again, and nothing was read from it here.
    if (serve === undefined) socket?.destroy();
    else {
      this.#tell({ report: 'taken' });
      if (socket !== undefined) serve(socket);
    }
  }

  #tell(report: WorkerReport): void {
    // A channel that has closed is noticed by itself.
    this.#process.send?.(report, undefined, undefined, () => {});
  }
}
