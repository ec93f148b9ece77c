import { setTimeout as sleep } from 'node:timers/promises';
import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import type { OnlineIngest } from '../ingest/stream/online-ingest.ts';
import { createFailureLog } from '../operations/failure-log.ts';
import type { Logger } from '../operations/logger.ts';
import { metricsText } from '../operations/metrics/metrics-text.ts';
import { ProjectMetrics } from '../operations/metrics/project-metrics.ts';
import { ServingMetrics } from '../operations/metrics/serving-metrics.ts';
import { Readiness } from '../operations/readiness.ts';
import { CallCounters, counterTotals, type ServerCounters } from '../operations/server-counters.ts';
import { StoreOutageWatch } from '../operations/store-outage.ts';
import { WorkerLink } from '../operations/worker-link.ts';
import type { RegistrySnapshot } from '../registry/registry-snapshot.ts';
import { OnlineFeatures } from '../serving/online-features.ts';
import { createFeastServices } from '../transports/grpc/feast-services.ts';
import { HealthService, servicesOf } from '../transports/grpc/health-service.ts';
import { createIngestService } from '../transports/grpc/ingest-service.ts';
import { createPushMethods } from '../transports/grpc/push-methods.ts';
import { startGrpcServer } from '../transports/grpc/start-grpc-server.ts';
import { openCallRecords } from './call-records.ts';
import { Closers, HANG_UP_WITHIN_MS, TRACES_WITHIN_MS } from './closers.ts';
import type { CommandContext } from './command-context.ts';
import { openServedRegistry } from './composition.ts';
import { exitCodes } from './exit-codes.ts';
import { endAtOnce, endUnstarted, watchLifeCycle } from './life-cycle.ts';
import { packageVersion } from './package-version.ts';
import { serveAdmin } from './serve-admin.ts';
import type { ServeOptions } from './serve-command.ts';
import { openServedStore } from './serve-store.ts';
import { servingPolicyFromConfig } from './serving-policy-from-config.ts';
import { createStoreProbe, pingStore } from './store-probe-from-config.ts';
import { openCallerRules, openTls } from './transport-security.ts';

export interface ProjectServer {
  readonly options: ServeOptions;
  readonly config: FeatureStoreConfig;
  readonly log: Logger;
  /** Called when the start is over. */
  readonly onReady: () => void;
  /** Takes connections from the process that started this one, in place of listening. */
  readonly isWorker: boolean;
}

/**
 * Serves in this process until it is told to stop. A registry or address that cannot be used ends it at once; a store that
 * does not answer does not, because it may come back.
 */
export async function serveProject(
  { options, config, log, onReady, isWorker }: ProjectServer,
  { io, exitWith }: CommandContext,
): Promise<void> {
  const { grpc, shutdown, serving } = config.sideboard;
  const address = options.grpcAddress ?? grpc.address;
  // A worker may get a signal twice: with its whole group of processes, and from the process that supervises it.
  const life = watchLifeCycle(log, isWorker ? () => {} : endAtOnce(log));
  const calls = new CallCounters();
  let features: OnlineFeatures | undefined;
  const counters = (): ServerCounters => ({
    ...calls.current(),
    ...(features?.counters() ?? { olderKeyHits: 0, plansCompiled: 0, delayedReads: 0 }),
    metrics: metrics?.snapshot() ?? {},
  });
  const version = packageVersion();
  const readiness = new Readiness({ store: config.sideboard.readiness.store });
  const adminAddress = options.adminAddress ?? config.sideboard.admin.address;
  // Without a page that shows it, nothing is measured.
  const metrics = adminAddress === 'off' ? undefined : new ProjectMetrics(version, config.onlineStore.type, readiness);
  const link = isWorker
    ? new WorkerLink(process, address, {
        onStop: (signal) => life.stop({ signal }),
        onRetreat: () => readiness.drain(),
        onOrphaned: () => life.stop({ orphaned: true }),
        counters,
      })
    : undefined;
  const closers = new Closers(log);
  let started = false;
  try {
    if (!isWorker) {
      const admin = await serveAdmin(adminAddress, log, {
        ready: () => readiness.report(),
        metrics: async (accept) => metricsText(metrics?.snapshot() ?? {}, accept),
      });
      if (admin !== undefined) closers.add('probes', () => admin.close());
    }
    const records = await openCallRecords(config, io.env, log, metrics?.registry);
    closers.add('traces', () => records.close(), TRACES_WITHIN_MS);
    const certificates = await openTls(config, log);
    metrics?.watchCertificates(certificates);
    const rules = await openCallerRules(config, io.env, log);
    const { store, refusal, close } = await openServedStore(config, log, metrics?.store);
    closers.add('store', close);
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
    features = new OnlineFeatures({
      registry: () => registry.current(),
      store,
      access: rules?.access,
      policy: servingPolicyFromConfig(config),
      refusal,
      observer: metrics && new ServingMetrics(metrics.registry, metrics.store, store.capabilities.eventTimes ?? true),
    });
    metrics?.watchReads(features);
    const written = metrics?.store.measured(store) ?? store;
    const pushes = createPushMethods(async () => {
      const { OnlinePush } = await import('../ingest/push/online-push.ts');
      return new OnlinePush({
        registry,
        store: written,
        access: rules?.access,
        enabled: serving.writes,
        versioned: config.registry.enableOnlineFeatureViewVersioning,
      });
    });
    let loading: OnlineIngest | undefined;
    metrics?.watchIngest(() => loading?.underWay());
    const ingest = createIngestService(async () => {
      const { OnlineIngest } = await import('../ingest/stream/online-ingest.ts');
      loading = new OnlineIngest({
        registry: () => registry.current(),
        store: written,
        access: rules?.access,
        enabled: serving.writes,
        versioned: config.registry.enableOnlineFeatureViewVersioning,
        ...config.sideboard.ingest,
      });
      return loading;
    });
    const methods = [...createFeastServices(features, version), ...pushes, ...ingest];
    const health = new HealthService(
      new Map(servicesOf(methods).map((name) => [name, name !== 'sideboard.v1.Ingest' || serving.writes])),
    );
    readiness.onChange(({ ready }) => {
      health.serving = ready;
    });
    const logFailure = createFailureLog(log);
    const outages = new StoreOutageWatch({
      log,
      ping: () => pingStore(store),
      onAway: (code) => readiness.storeAway(code),
    });
    const probe = createStoreProbe(config, written, readiness, (err) => {
      log.warn({ err }, 'the online store does not answer; requests are refused until it does');
      outages.failed(err);
    });
    const served = [...methods, ...health.methods];
    if (grpc.reflection) {
      const { createReflectionService } = await import('../transports/grpc/reflection-service.ts');
      served.push(...createReflectionService(servicesOf(served)));
    }
    const recorded = records.watched(served);
    const measured = metrics?.calls.measured(recorded) ?? recorded;
    const server = await startGrpcServer(grpc.server, calls.counted(measured), {
      ...grpc,
      certificates,
      guard: rules?.guard,
      address: link ?? address,
      admission: { maxInFlight: serving.maxInFlightCalls, maxQueueAgeMs: serving.maxQueueAgeMs },
      onLimit: (limit) => metrics?.limits.exceeded(limit),
      onFailure(error, path, call) {
        calls.failed(path);
        records.failed(error, path, call);
        metrics?.calls.failed(error, path, call);
        metrics?.limits.failed(error, call);
        logFailure(error, path);
        outages.failed(error);
      },
    });
    metrics?.watchServer(server);
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
    const snapshot = registry.current();
    const summary = summaryLine(version, snapshot, config.onlineStore.type);
    if (link === undefined) io.out(`${summary} on ${server.address}`);
    else {
      link.ready(summary);
      readiness.onChange((report) => link.readiness(report));
    }
    log.info(
      {
        ...(isWorker ? { pid: process.pid } : { address: server.address }),
        project: snapshot.project,
        store: config.onlineStore.type,
        config: config.file,
      },
      'ready',
    );
    onReady();
    started = true;
    if (!life.isStopping()) void probe.start();

    const reason = await life.stopped;
    readiness.drain();
    if ('signal' in reason) {
      log.info({ signal: reason.signal }, 'stopping: calls under way may finish');
      // Clients need a while to learn that they should not send calls here any more. Workers are told when it is over.
      if (!isWorker && shutdown.waitMs > 0) await sleep(shutdown.waitMs);
    } else if ('orphaned' in reason) log.error('the supervising process is gone: stopping, calls under way may finish');
    else exitWith(exitCodes.failure.code);
    link?.leave();
    await closers.closeAll();
    metrics?.close();
    log.info(counterTotals(counters()), 'stopped');
    link?.finish(counters());
  } catch (error) {
    await closers.closeAll();
    link?.finish();
    if (started || !life.isStopping()) throw error;
    await endUnstarted(life, log, exitWith);
  }
}

function summaryLine(version: string, snapshot: RegistrySnapshot, storeType: string): string {
  const counts = `${counted(snapshot.views.size, 'view')}, ${counted(snapshot.services.size, 'service')}`;
  return `Sideboard ${version} serves project ${snapshot.project} (${counts}) from ${storeType}`;
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
