import { withoutGauges } from './metrics/metric-snapshot.ts';
import { addCounters, noCounters, type ServerCounters } from './server-counters.ts';

/** A process that counts, and tells when it is asked. */
export interface CountingWorker {
  /** Asks for its counters. What it says arrives at {@link WorkerCounters.record}, or never does. */
  askForCounters(): void;
}

/**
 * The counters of all workers in one sum, which never shrinks: of a worker that ended, or does not answer, what it said last
 * stays in.
 */
export class WorkerCounters {
  readonly #latest = new Map<CountingWorker, ServerCounters>();
  readonly #asked = new Map<CountingWorker, Set<() => void>>();
  #ended = noCounters;

  /** What a worker has counted so far. */
  record(worker: CountingWorker, counters: ServerCounters): void {
    this.#latest.set(worker, counters);
    this.#settle(worker);
  }

  /** A worker has ended. */
  retire(worker: CountingWorker): void {
    const latest = this.#latest.get(worker) ?? noCounters;
    this.#ended = addCounters(this.#ended, { ...latest, metrics: withoutGauges(latest.metrics) });
    this.#latest.delete(worker);
    this.#settle(worker);
  }

  /** The sum of what was recorded. */
  total(): ServerCounters {
    return [...this.#latest.values()].reduce(addCounters, this.#ended);
  }

  /** Asks the workers and waits for their answers, at most so long. @returns {@link total} after that */
  async collect(workers: Iterable<CountingWorker>, withinMs: number): Promise<ServerCounters> {
    const answers = [...workers].map((worker) => this.#ask(worker));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    await Promise.race([Promise.all(answers), late]);
    clearTimeout(timer);
    return this.total();
  }

  #ask(worker: CountingWorker): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#asked.get(worker) ?? new Set();
      this.#asked.set(worker, waiting.add(resolve));
      worker.askForCounters();
    });
  }

  #settle(worker: CountingWorker): void {
    for (const resolve of this.#asked.get(worker) ?? []) resolve();
    this.#asked.delete(worker);
  }
}
