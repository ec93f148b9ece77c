import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import { ConnectionDealer } from '../operations/connection-dealer.ts';
import type { Logger } from '../operations/logger.ts';
import { metricsText } from '../operations/metrics/metrics-text.ts';
import { counterTotals } from '../operations/server-counters.ts';
import { Supervisor } from '../operations/supervisor.ts';
import { WorkerCounters } from '../operations/worker-counters.ts';
import { WorkerError } from '../operations/worker-error.ts';
import { listen } from '../transports/grpc/listen.ts';
import type { AdminPages, AdminServer } from '../transports/http/admin-server.ts';
import type { CommandContext } from './command-context.ts';
import { exitCodes } from './exit-codes.ts';
import { endAtOnce, endUnstarted, watchLifeCycle } from './life-cycle.ts';
import { serveAdmin } from './serve-admin.ts';
import type { ServeOptions } from './serve-command.ts';
import { startWorkerProcess } from './worker-process.ts';

/** What workers may take to stop beyond the time that their calls have. */
const STOP_MARGIN_MS = 3_000;
/** How long a worker may take to say what it has counted. */
const COUNT_WITHIN_MS = 1_000;

export interface WorkersServer {
  readonly workers: number;
  readonly options: ServeOptions;
  readonly config: FeatureStoreConfig;
  readonly log: Logger;
  /** Called when the start is over. */
  readonly onReady: () => void;
}

/**
 * Serves by workers until it is told to stop. This process listens, hands each connection to the next worker, and replaces
 * workers that end. An address that cannot be used, or a first worker that cannot serve, ends it at once.
 */
export async function serveByWorkers(
  { workers, options, config, log, onReady }: WorkersServer,
  { io, exitWith }: CommandContext,
): Promise<void> {
  const dealer = new ConnectionDealer();
  const counters = new WorkerCounters();
  // Nothing may be read here: the worker reads from the start.
  const listener = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => dealer.accept(socket));
  const { grpc } = config.sideboard;
  const address = await listen(listener, options.grpcAddress ?? grpc.address, grpc);
  const supervisor = new Supervisor({
    workers,
    dealer,
    counters,
    log,
    start: (number) => startWorkerProcess(number, ['--grpc-address', address]),
  });
  const life = watchLifeCycle(
    log,
    endAtOnce(log, () => supervisor.kill()),
  );
  const close = (): void => {
    listener.close();
    dealer.close();
  };
  const pages: AdminPages = {
    ready: () => supervisor.readiness(),
    async metrics(accept) {
      const { metrics } = await counters.collect(supervisor.workers(), COUNT_WITHIN_MS);
      // Workers that start, have ended or hang do not say that they are not ready.
      const ready = supervisor.readiness().ready ? 1 : 0;
      return metricsText({ ...metrics, sideboard_ready: [ready] }, accept);
    },
  };
  let admin: AdminServer | undefined;
  try {
    admin = await serveAdmin(options.adminAddress ?? config.sideboard.admin.address, log, pages);
    const starting = supervisor.start();
    // Workers that are told to stop while they start end without having served.
    const summary = await Promise.race([starting, life.stopped]);
    if (typeof summary !== 'string') {
      starting.catch(() => {});
      close();
      await supervisor.stop('SIGTERM', STOP_MARGIN_MS);
      await endUnstarted(life, log, exitWith);
      return;
    }
    io.out(`${summary} by ${workers} workers on ${address}`);
    log.info({ address, workers: supervisor.processIds(), config: config.file }, 'ready');
    onReady();
    const reason = await Promise.race([life.stopped, supervisor.gaveUp]);
    if (reason instanceof WorkerError) throw reason;
    if ('signal' in reason) {
      log.info({ signal: reason.signal }, 'stopping: calls under way may finish');
      supervisor.retreat();
      // A signal that goes to the whole group of processes ends the workers by itself.
      await Promise.race([sleep(config.sideboard.shutdown.waitMs, undefined, { ref: false }), supervisor.allEnded()]);
    }
    close();
    // A worker that has to be killed counts with what it says now.
    const counted = counters.collect(supervisor.workers(), COUNT_WITHIN_MS);
    const signal = 'signal' in reason ? reason.signal : 'SIGTERM';
    const clean = await supervisor.stop(signal, options.shutdownTimeout * 1000 + STOP_MARGIN_MS);
    await counted;
    if (!clean || !('signal' in reason)) exitWith(exitCodes.failure.code);
    log.info(counterTotals(counters.total()), 'stopped');
  } catch (error) {
    close();
    await supervisor.stop('SIGTERM', STOP_MARGIN_MS);
    if (life.isStopping()) return;
    const exitCode = error instanceof WorkerError ? error.exitCode : undefined;
    // The worker has said on standard error why it ended.
    if (exitCode === undefined) throw error;
    exitWith(exitCode);
  } finally {
    await admin?.close();
  }
}
