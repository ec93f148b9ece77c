import { createFailureLog } from '../operations/failure-log.ts';
import { createLogger } from '../operations/logger.ts';
import type { RegistrySnapshot } from '../registry/registry-snapshot.ts';
import type { OnlineTable } from '../stores/online-store.ts';
import { onlineTablesOfSnapshot } from '../stores/online-table.ts';
import { createConnectorService } from '../transports/grpc/connector-service.ts';
import { startGrpcServer } from '../transports/grpc/start-grpc-server.ts';
import type { CommandContext } from './command-context.ts';
import { openProjectStore, openServedRegistry } from './composition.ts';
import type { ConnectorOptions } from './connector-command.ts';
import { exitCodes } from './exit-codes.ts';
import { endAtOnce, watchLifeCycle } from './life-cycle.ts';
import { packageVersion } from './package-version.ts';
import { loadProjectConfig } from './project-config.ts';
import { loggerOptionsFrom } from './serving-options.ts';
import { assertSafeAddress, openCallerRules, openTls } from './transport-security.ts';

/** Serves the project's store by the connector protocol until it is told to stop. */
export async function connector(options: ConnectorOptions, { io, globals, exitWith }: CommandContext): Promise<void> {
  const config = await loadProjectConfig(globals(), io.env);
  const { grpc, serving } = config.sideboard;
  assertSafeAddress(options.address, config, options);
  const log = await createLogger(loggerOptionsFrom(options, config, io));
  const life = watchLifeCycle(log, endAtOnce(log));
  const closers: (() => Promise<void>)[] = [];
  try {
    const store = await openProjectStore(config, (message) => log.warn(message));
    closers.unshift(() => store.close());
    const registry = await openServedRegistry(config, io.env, log, ({ generation }) => ({ generation }));
    closers.unshift(() => registry.close());
    const tables = tablesByName(config.registry.enableOnlineFeatureViewVersioning);
    const service = createConnectorService({ store, table: (name) => tables(registry.current()).get(name) });
    const certificates = await openTls(config, log);
    const rules = await openCallerRules(config, io.env, log);
    const server = await startGrpcServer(grpc.server, service, {
      ...grpc,
      certificates,
      guard: rules?.guard,
      address: options.address,
      admission: { maxInFlight: serving.maxInFlightCalls, maxQueueAgeMs: serving.maxQueueAgeMs },
      onFailure: createFailureLog(log),
    });
    closers.unshift(async () => {
      certificates?.close();
      rules?.guard.close();
      await server.close(options.shutdownTimeout * 1000);
    });
    const { project } = registry.current();
    const { type } = config.onlineStore;
    io.out(`Sideboard ${packageVersion()} serves the ${type} store of project ${project} on ${server.address}`);
    log.info({ address: server.address, project, store: type, config: config.file }, 'ready');
    const reason = await life.stopped;
    if ('signal' in reason) log.info({ signal: reason.signal }, 'stopping: calls under way may finish');
    else exitWith(exitCodes.failure.code);
  } finally {
    for (const close of closers) await close();
  }
}

/** The tables of a registry by the names under which they are stored, worked out once per generation. */
function tablesByName(versioned: boolean): (snapshot: RegistrySnapshot) => ReadonlyMap<string, OnlineTable> {
  const known = new WeakMap<RegistrySnapshot, ReadonlyMap<string, OnlineTable>>();
  return (snapshot) => {
    const found = known.get(snapshot);
    if (found !== undefined) return found;
    const tables = new Map(onlineTablesOfSnapshot(snapshot, { versioned }).map((table) => [table.name, table]));
    known.set(snapshot, tables);
    return tables;
  };
}
