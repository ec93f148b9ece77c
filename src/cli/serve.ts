import { createFailureLog } from '../operations/failure-log.ts';
import { createLogger, type Logger } from '../operations/logger.ts';
import type { RegistrySnapshot } from '../registry/registry-snapshot.ts';
import { OnlineFeatures } from '../serving/online-features.ts';
import type { OnlineStore } from '../stores/online-store.ts';
import { createFeastServices } from '../transports/grpc/feast-services.ts';
import { startGrpcServer } from '../transports/grpc/start-grpc-server.ts';
import type { CommandContext } from './command-context.ts';
import { loadProjectConfig, openProjectRegistry, openProjectStore } from './composition.ts';
import { exitCodes } from './exit-codes.ts';
import { watchLifeCycle } from './life-cycle.ts';
import { packageVersion } from './package-version.ts';
import type { ServeOptions } from './serve-command.ts';
import { servingPolicyFromConfig } from './serving-policy-from-config.ts';

/** How long the store may take to answer whether it is there; serving does not wait for it. */
const FIRST_PING_MS = 5_000;

/**
 * Serves until it is told to stop. A configuration, registry or address that cannot be used ends it at once; a store that does
 * not answer does not, because it may come back.
 */
export async function serve(options: ServeOptions, { io, globals, exitWith }: CommandContext): Promise<void> {
  const config = await loadProjectConfig(globals(), io.env);
  const { grpc, log: logSettings } = config.sideboard;
  const log = createLogger({
    level: options.logLevel ?? logSettings.level,
    format: options.logFormat ?? logSettings.format,
    fileDescriptor: 2,
    isTerminal: io.stderrIsTerminal,
    plain: (io.env.NO_COLOR ?? '') !== '',
  });
  const life = watchLifeCycle(log);
  const warn = (message: string): void => log.warn(message);
  const store = await openProjectStore(config, warn);
  const closers = [() => store.close()];
  try {
    const registry = await openProjectRegistry(config, warn, {
      onSwap: (snapshot, previous) => log.info(describeSwap(snapshot, previous), 'the registry has changed'),
      onError: (err) => log.error({ err }, 'refreshing the registry failed; the last good one stays in use'),
    });
    closers.unshift(() => registry.close());
    const features = new OnlineFeatures({
      registry: () => registry.current(),
      store,
      policy: servingPolicyFromConfig(config),
    });
    const version = packageVersion();
    const server = await startGrpcServer(grpc.server, createFeastServices(features, version), {
      address: options.grpcAddress ?? grpc.address,
      maxMessageBytes: grpc.maxMessageBytes,
      maxConcurrentStreams: grpc.maxConcurrentStreams,
      defaultDeadlineMs: grpc.defaultDeadlineMs,
      maxDeadlineMs: grpc.maxDeadlineMs,
      onFailure: createFailureLog(log),
    });
    closers.unshift(() => server.close(options.shutdownTimeout * 1000));
    const snapshot = registry.current();
    io.out(readyLine(version, snapshot, config.onlineStore.type, server.address));
    log.info(
      { address: server.address, project: snapshot.project, store: config.onlineStore.type, config: config.file },
      'ready',
    );
    if (!life.isStopping()) void reportStore(store, log);

    const reason = await life.stopped;
    if ('signal' in reason) log.info({ signal: reason.signal }, 'stopping: calls under way may finish');
    else exitWith(exitCodes.failure.code);
    const { olderKeyHits, plansCompiled } = features.counters();
    await closeAll(closers);
    log.info({ olderKeyHits, plansCompiled }, 'stopped');
  } catch (error) {
    await closeAll(closers);
    throw error;
  }
}

function readyLine(version: string, snapshot: RegistrySnapshot, storeType: string, address: string): string {
  const counts = `${counted(snapshot.views.size, 'view')}, ${counted(snapshot.services.size, 'service')}`;
  return `Sideboard ${version} serves project ${snapshot.project} (${counts}) from ${storeType} on ${address}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function describeSwap(snapshot: RegistrySnapshot, previous: RegistrySnapshot): object {
  const added = [...snapshot.views.keys()].filter((name) => !previous.views.has(name));
  const removed = [...previous.views.keys()].filter((name) => !snapshot.views.has(name));
  return {
    generation: snapshot.generation,
    views: snapshot.views.size,
    services: snapshot.services.size,
    added,
    removed,
  };
}

async function reportStore(store: OnlineStore, log: Logger): Promise<void> {
  try {
    await store.ping({ deadline: Date.now() + FIRST_PING_MS });
    log.debug('the online store answers');
  } catch (err) {
    log.warn({ err }, 'the online store does not answer; requests are refused until it does');
  }
}

async function closeAll(closers: readonly (() => Promise<void>)[]): Promise<void> {
  for (const close of closers) await close();
}
