import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { ConnectionDealer, ConnectionTaker } from './connection-dealer.ts';
import type { Logger } from './logger.ts';
import type { ReadinessReport } from './readiness.ts';
import type { CountingWorker, WorkerCounters } from './worker-counters.ts';
import { WorkerError } from './worker-error.ts';
import type { WorkerOrder, WorkerReport } from './worker-messages.ts';

/** Pause before a worker that ended is replaced; it doubles each time that the replacement ends soon. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
/** A worker that ran so long ends for reasons of its own: the pauses begin anew. */
const STABLE_MS = 10_000;
/** How often in a row the start of a worker may fail while no other serves, before it is given up. */
const MOST_FAILED_STARTS = 3;

/** How often workers that serve are asked whether they are there. */
const LOOK_MS = 5_000;
/** One that has not answered for so many looks does not count as ready; and for so many, it hangs: it is killed and replaced. */
const SILENT_LOOKS = 3;
const HUNG_LOOKS = 12;

export interface SupervisorOptions {
  readonly workers: number;
  /** Starts a worker's process, with a channel for {@link WorkerOrder} and {@link WorkerReport}. */
  readonly start: (number: number) => ChildProcess;
  readonly dealer: ConnectionDealer;
  readonly counters: WorkerCounters;
  readonly log: Logger;
  /** In place of {@link LOOK_MS}, for tests. */
  readonly lookMs?: number;
}

/** The readiness of all workers: `ready` if at least one of them is. */
export interface WorkersReadiness {
  readonly ready: boolean;
  /** By their numbers. */
  readonly workers: Readonly<Record<number, ReadinessReport>>;
}

const STARTING: ReadinessReport['checks'] = { process: { ok: false, reason: 'the worker is starting' } };
const SILENT: ReadinessReport['checks'] = { process: { ok: false, reason: 'the worker does not answer' } };

/** How a process ended; both null where it could not even be started. */
interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Keeps a number of workers running, and ends them together. It serves nothing itself. */
export class Supervisor {
  /** Settles when it gives up: no worker serves, and none can be started. */
  readonly gaveUp: Promise<WorkerError>;
  readonly #options: SupervisorOptions;
  readonly #workers = new Map<number, Worker>();
  readonly #pauses = new Set<NodeJS.Timeout>();
  readonly #giveUp: (error: WorkerError) => void;
  #looks: NodeJS.Timeout | undefined;
  #stopping = false;
  #retreating = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    let giveUp = (_: WorkerError): void => {};
    this.gaveUp = new Promise((resolve) => {
      giveUp = resolve;
    });
    this.#giveUp = giveUp;
  }

  /**
   * Starts the workers: the first alone, so that what is wrong with all of them is said once, then the others together.
   * @returns what the first says that it serves
   * @throws WorkerError `WORKER_NOT_READY`
   */
  async start(): Promise<string> {
    const summary = await this.#run(1, 0);
    if (this.#stopping) return summary;
    this.#looks = setInterval(() => this.#look(), this.#options.lookMs ?? LOOK_MS);
    const others = Array.from({ length: this.#options.workers - 1 }, (_, index) => this.#run(index + 2, 0));
    await Promise.all(others);
    return summary;
  }

  /** The process ids of the workers, by their numbers. */
  processIds(): Readonly<Record<number, number | undefined>> {
    return Object.fromEntries([...this.#workers].map(([number, { pid }]) => [number, pid]));
  }

  /** Whether calls should come here: where at least one worker can answer them. */
  readiness(): WorkersReadiness {
    const workers: Record<number, ReadinessReport> = {};
    for (const [number, { serves, readiness, unanswered }] of this.#workers) {
      const isSilent = unanswered >= SILENT_LOOKS;
      const ready = serves && readiness?.ready === true && !isSilent && !this.#retreating;
      workers[number] = { ready, checks: { ...(readiness?.checks ?? STARTING), ...(isSilent && SILENT) } };
    }
    return { ready: Object.values(workers).some(({ ready }) => ready), workers };
  }

  /** Tells clients of all workers to go elsewhere, while calls are still taken. */
  retreat(): void {
    this.#retreating = true;
    for (const worker of this.#workers.values()) worker.tell({ order: 'retreat' });
  }

  /** Settles when every worker that runs now has ended. */
  async allEnded(): Promise<void> {
    await Promise.all([...this.#workers.values()].map(({ ended }) => ended));
  }

  /** Those that can be asked for their counters. */
  workers(): Iterable<CountingWorker> {
    return this.#workers.values();
  }

  /**
   * Tells all workers to stop and waits until they have ended; kills those that take longer than they may.
   * @returns whether every worker ended by itself and without a failure
   */
  async stop(signal: 'SIGTERM' | 'SIGINT', withinMs: number): Promise<boolean> {
    this.#stopping = true;
    this.#retreating = true;
    clearInterval(this.#looks);
    for (const pause of this.#pauses) clearTimeout(pause);
    const workers = [...this.#workers.values()];
    for (const worker of workers) worker.tell({ order: 'stop', signal });
    const timer = setTimeout(() => {
      this.#options.log.error({ workers: [...this.#workers.keys()] }, 'workers did not stop in time: killing them');
      this.kill();
    }, withinMs);
    const ends = await Promise.all(workers.map(({ ended }) => ended));
    clearTimeout(timer);
    // A signal that goes to the whole group of processes may meet a worker before it can handle it.
    return ends.every(({ code, signal }) => code === 0 || signal === 'SIGTERM' || signal === 'SIGINT');
  }

  /** Ends all workers at once. */
  kill(): void {
    for (const worker of this.#workers.values()) worker.kill();
  }

  /**
   * Notices workers that run and do nothing: nobody else would, since this process answers the probes for them. Looks are counted and not
   * time, so that nothing is held against a worker while this process itself stood still.
   */
  #look(): void {
    for (const [number, worker] of this.#workers) {
      if (!worker.serves) continue;
      if (worker.unanswered === HUNG_LOOKS) {
        this.#options.log.error({ worker: number, pid: worker.pid }, 'a worker does not answer any more: killing it');
        worker.kill();
      } else if (worker.unanswered === SILENT_LOOKS) {
        this.#options.log.warn({ worker: number, pid: worker.pid }, 'a worker does not answer');
      }
      worker.unanswered++;
      worker.tell({ order: 'answer' });
    }
  }

  /**
   * Runs a worker, and its replacements when it ends.
   * @param shortLives how many of its predecessors ended soon, one after the other
   * @returns what it says that it serves, as soon as it does
   */
  async #run(number: number, shortLives: number): Promise<string> {
    const { dealer, counters, log } = this.#options;
    const started = Date.now();
    const worker = new Worker(this.#options.start(number), dealer, counters);
    this.#workers.set(number, worker);
    const ended = worker.ended.then((end) => {
      this.#workers.delete(number);
      return end;
    });
    const summary = await Promise.race([worker.ready, ended]);
    if (typeof summary !== 'string') throw notReady(number, summary);
    void ended.then((end) => {
      if (this.#stopping) return;
      log.warn({ worker: number, ...end }, 'a worker has ended and is replaced');
      this.#replace(number, Date.now() - started < STABLE_MS ? shortLives : 0);
    });
    return summary;
  }

  #replace(number: number, shortLives: number, failedStarts = 0): void {
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** shortLives, LONGEST_PAUSE_MS);
    const timer = setTimeout(() => {
      this.#pauses.delete(timer);
      this.#run(number, shortLives + 1).catch((error: WorkerError) => {
        if (this.#stopping) return;
        this.#options.log.error({ err: error }, 'a worker could not be replaced');
        const nobodyServes = ![...this.#workers.values()].some((worker) => worker.serves);
        if (nobodyServes && failedStarts + 1 >= MOST_FAILED_STARTS) this.#giveUp(noneLeft(error));
        else this.#replace(number, shortLives + 1, failedStarts + 1);
      });
    }, pause);
    this.#pauses.add(timer);
  }
}

/** One process and what is known of it. */
class Worker implements ConnectionTaker, CountingWorker {
  readonly ready: Promise<string>;
  readonly ended: Promise<End>;
  serves = false;
  readiness: ReadinessReport | undefined;
  /** How often it was asked whether it is there since it was last heard of. */
  unanswered = 0;
  readonly #child: ChildProcess;

  constructor(child: ChildProcess, dealer: ConnectionDealer, counters: WorkerCounters) {
    this.#child = child;
    this.ready = new Promise((resolve) => {
      child.on('message', (report: WorkerReport) => {
        this.unanswered = 0;
        switch (report.report) {
          case 'ready':
            this.serves = true;
            dealer.join(this);
            resolve(report.summary);
            break;
          case 'readiness':
            this.readiness = report.readiness;
            break;
          case 'taken':
            dealer.taken(this);
            break;
          case 'leaving':
            this.serves = false;
            dealer.leave(this);
            break;
          case 'counted':
            counters.record(this, report.counters);
        }
      });
    });
    this.ended = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null): void => {
        this.serves = false;
        dealer.leave(this);
        counters.retire(this);
        resolve({ code, signal });
      };
      // Behind `exit`: when everything that it said was read.
      child.once('close', end);
      child.on('error', () => {
        if (child.pid === undefined) end(null, null);
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  offer(socket: Socket): void {
    const order: WorkerOrder = { order: 'connection' };
    // The descriptor stays open here until the worker says that it has the connection.
    this.#child.send(order, socket, { keepOpen: true }, ignoreFailure);
  }

  askForCounters(): void {
    this.tell({ order: 'count' });
  }

  tell(order: WorkerOrder): void {
    this.#child.send(order, ignoreFailure);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** What cannot be sent was for a process that has ended, and its end is noticed by itself. */
function ignoreFailure(): void {}

function notReady(number: number, { code, signal }: End): WorkerError {
  const how =
    signal !== null ? `was ended by ${signal}` : code !== null ? `ended with ${code}` : 'could not be started';
  const hint =
    signal === 'SIGKILL' ? { hint: 'The system kills processes when memory runs out: try fewer workers.' } : {};
  return new WorkerError('WORKER_NOT_READY', `Worker ${number} ${how} before it could serve.`, code || undefined, hint);
}

function noneLeft(cause: WorkerError): WorkerError {
  const message = `No worker is left, and ${MOST_FAILED_STARTS} attempts in a row to start one have failed.`;
  return new WorkerError('NO_WORKER_LEFT', message, undefined, {
    hint: 'The lines above say why each of them failed.',
    cause,
  });
}
