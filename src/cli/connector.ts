import { setTimeout as sleep } from 'node:timers/promises';
import { createFailureLog } from '../operations/failure-log.ts';
import { createLogger } from '../operations/logger.ts';
import { metricsText } from '../operations/metrics/metrics-text.ts';
import { ProjectMetrics } from '../operations/metrics/project-metrics.ts';
import { Readiness } from '../operations/readiness.ts';
import { StoreOutageWatch } from '../operations/store-outage.ts';
import type { RegistrySnapshot } from '../registry/registry-snapshot.ts';
import type { OnlineTable } from '../stores/online-store.ts';
import { onlineTablesOfSnapshot } from '../stores/online-table.ts';
import { createConnectorService } from '../transports/grpc/connector-service.ts';
import { HealthService, servicesOf } from '../transports/grpc/health-service.ts';
import { startGrpcServer } from '../transports/grpc/start-grpc-server.ts';
import { openCallRecords } from './call-records.ts';
import { Closers, HANG_UP_WITHIN_MS, TRACES_WITHIN_MS } from './closers.ts';
import type { CommandContext } from './command-context.ts';
import { openProjectStore, openServedRegistry } from './composition.ts';
import type { ConnectorOptions } from './connector-command.ts';
import { exitCodes } from './exit-codes.ts';
import { endAtOnce, endUnstarted, watchLifeCycle } from './life-cycle.ts';
import { packageVersion } from './package-version.ts';
import { loadProjectConfig } from './project-config.ts';
import { serveAdmin } from './serve-admin.ts';
import { loggerOptionsFrom } from './serving-options.ts';
import { servingPolicyFromConfig } from './serving-policy-from-config.ts';
import { createStoreProbe, pingStore } from './store-probe-from-config.ts';
import { assertSafeAddress, openCallerRules, openTls } from './transport-security.ts';

/** Serves the project's store by the connector protocol until it is told to stop. */
export async function connector(options: ConnectorOptions, { io, globals, exitWith }: CommandContext): Promise<void> {
  const config = await loadProjectConfig(globals(), io.env);
  const { grpc, serving, shutdown } = config.sideboard;
  assertSafeAddress(options.address, config, options);
  const log = await createLogger(loggerOptionsFrom(options, config, io));
  const life = watchLifeCycle(log, endAtOnce(log));
  const version = packageVersion();
  const { type } = config.onlineStore;
  const readiness = new Readiness({ store: config.sideboard.readiness.store });
  const metrics = options.adminAddress === 'off' ? undefined : new ProjectMetrics(version, type, readiness);
  const closers = new Closers(log);
  try {
    const admin = await serveAdmin(options.adminAddress, log, {
      ready: () => readiness.report(),
      metrics: async (accept) => metricsText(metrics?.snapshot() ?? {}, accept),
    });
    if (admin !== undefined) closers.add('probes', () => admin.close());
    const records = await openCallRecords(config, io.env, log, metrics?.registry);
    closers.add('traces', () => records.close(), TRACES_WITHIN_MS);
    const opened = await openProjectStore(config, (message) => log.warn(message));
    closers.add('store', () => opened.close());
    const store = metrics?.store.measured(opened) ?? opened;
    const describeSwap = ({ generation }: RegistrySnapshot): object => ({ generation });
    metrics?.store.watchConnections(opened);
    const registry = await openServedRegistry({
      config,
      env: io.env,
      log,
      describeSwap,
      readiness,
      metrics,
      tracer: records.tracer,
      signal: life.signal,
    });
    closers.add('registry', () => registry.close());
    const tables = tablesByName(config.registry.enableOnlineFeatureViewVersioning);
    const service = createConnectorService({
      store,
      table: (name) => tables(registry.current()).get(name),
      revision: () => registry.current(),
      limits: servingPolicyFromConfig(config),
    });
    const health = new HealthService(new Map(servicesOf(service).map((name) => [name, true])));
    readiness.onChange(({ ready }) => {
      health.serving = ready;
    });
    const certificates = await openTls(config, log);
    metrics?.watchCertificates(certificates);
    const rules = await openCallerRules(config, io.env, log);
    const served = [...service, ...health.methods];
    if (grpc.reflection) {
      const { createReflectionService } = await import('../transports/grpc/reflection-service.ts');
      served.push(...createReflectionService(servicesOf(served)));
    }
    const recorded = records.watched(served);
    const logFailure = createFailureLog(log);
    const outages = new StoreOutageWatch({
      log,
      ping: () => pingStore(store),
      onAway: (code) => readiness.storeAway(code),
    });
    const server = await startGrpcServer(grpc.server, metrics?.calls.measured(recorded) ?? recorded, {
      ...grpc,
      certificates,
      guard: rules?.guard,
      address: options.address,
      admission: { maxInFlight: serving.maxInFlightCalls, maxQueueAgeMs: serving.maxQueueAgeMs },
      onLimit: (limit) => metrics?.limits.exceeded(limit),
      onFailure(error, path, call) {
        metrics?.calls.failed(error, path, call);
        metrics?.limits.failed(error, call);
        records.failed(error, path, call);
        logFailure(error, path);
        outages.failed(error);
      },
    });
    metrics?.watchServer(server);
    const probe = createStoreProbe(config, store, readiness, (err) => {
      log.warn({ err }, 'the online store does not answer; calls are refused until it does');
      outages.failed(err);
    });
    const graceMs = options.shutdownTimeout * 1000;
    const stopServing = async (): Promise<void> => {
      outages.close();
      probe.close();
      health.stop();
      certificates?.close();
      rules?.guard.close();
      await server.close(graceMs);
    };
    closers.add('server', stopServing, graceMs + HANG_UP_WITHIN_MS);
    const { project } = registry.current();
    io.out(`Sideboard ${version} serves the ${type} store of project ${project} on ${server.address}`);
    log.info({ address: server.address, project, store: type, config: config.file }, 'ready');
    if (!life.isStopping()) void probe.start();
    const reason = await life.stopped;
    readiness.drain();
    if ('signal' in reason) {
      log.info({ signal: reason.signal }, 'stopping: calls under way may finish');
      // Clients need a while to learn that they should not send calls here any more.
      if (shutdown.waitMs > 0) await sleep(shutdown.waitMs);
    } else exitWith(exitCodes.failure.code);
  } catch (error) {
    if (!life.isStopping()) throw error;
    await endUnstarted(life, log, exitWith);
  } finally {
    await closers.closeAll();
    metrics?.close();
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
