import { createLogger } from '../operations/logger.ts';
import type { CommandContext } from './command-context.ts';
import { loadProjectConfig } from './project-config.ts';
import type { ServeOptions } from './serve-command.ts';
import { loggerOptionsFrom } from './serving-options.ts';
import { assertSafeAddress } from './transport-security.ts';
import { workerNumber } from './worker-process.ts';

/**
 * Serves until it is told to stop: in this process, or in several that this one supervises.
 * @param onReady called when the start is over
 */
export async function serve(options: ServeOptions, context: CommandContext, onReady: () => void): Promise<void> {
  const { io, globals } = context;
  const worker = workerNumber(process);
  const config = await loadProjectConfig(globals(), io.env);
  assertSafeAddress(options.grpcAddress ?? config.sideboard.grpc.address, config, options);
  const log = await createLogger(loggerOptionsFrom(options, config, io, worker));
  const workers = options.workers ?? config.sideboard.workers;
  // Each way loads what it needs: the process that supervises needs neither stores nor a gRPC server.
  if (worker === undefined && workers > 1) {
    const { serveByWorkers } = await import('./serve-by-workers.ts');
    await serveByWorkers({ workers, options, config, log, onReady }, context);
  } else {
    const { serveProject } = await import('./serve-project.ts');
    await serveProject({ options, config, log, onReady, isWorker: worker !== undefined }, context);
  }
}
