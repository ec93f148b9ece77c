import type { IngestUnderWay } from '../../ingest/stream/online-ingest.ts';
import type { RefreshOutcome, RegistryHolder } from '../../registry/registry-holder.ts';
import type { OnlineFeatures } from '../../serving/online-features.ts';
import type { GrpcServer } from '../../transports/grpc/service-table.ts';
import type { Readiness } from '../readiness.ts';
import { CallMetrics } from './call-metrics.ts';
import { LimitMetrics } from './limit-metrics.ts';
import { MetricRegistry } from './metric-registry.ts';
import type { MetricsSnapshot } from './metric-snapshot.ts';
import { measureProcess } from './process-metrics.ts';
import { StoreMetrics } from './store-metrics.ts';

/** What a process that serves a project measures. */
export class ProjectMetrics {
  readonly registry = new MetricRegistry();
  readonly calls = new CallMetrics(this.registry);
  readonly limits = new LimitMetrics(this.registry);
  readonly store: StoreMetrics;
  readonly #endProcess: () => void;

  /** @param storeType as `online_store.type` names it */
  constructor(version: string, storeType: string, readiness: Readiness) {
    const { registry } = this;
    this.store = new StoreMetrics(registry, storeType);
    this.#endProcess = measureProcess(registry, version);
    registry.number('sideboard_processes').set(1);
    const ready = registry.number('sideboard_ready');
    registry.onCollect(() => ready.set(readiness.isReady ? 1 : 0));
    // A counter that appears with its first failure hides that failure from rate().
    for (const result of ['swapped', 'unchanged', 'failed'] as const) this.#refreshes(result);
  }

  /** The registry was read again, or could not be. */
  refreshed(result: RefreshOutcome): void {
    this.#refreshes(result).add(1);
  }

  watchRegistry(holder: RegistryHolder): void {
    const age = this.registry.number('sideboard_registry_age_seconds');
    const copy = this.registry.number('sideboard_registry_from_copy');
    this.registry.onCollect(() => {
      const { checkedAt, origin } = holder.status();
      age.set(Math.max(0, (Date.now() - checkedAt) / 1000));
      copy.set(origin === 'snapshot' ? 1 : 0);
    });
  }

  watchReads(features: OnlineFeatures): void {
    const { registry } = this;
    const delayed = registry.number('sideboard_reads_delayed_total');
    const waiting = registry.number('sideboard_reads_waiting');
    const pending = registry.number('sideboard_read_pending_bytes');
    const older = registry.number('sideboard_older_key_hits_total');
    const plans = registry.number('sideboard_plans_compiled_total');
    registry.onCollect(() => {
      const { delayedReads, olderKeyHits, plansCompiled } = features.counters();
      delayed.set(delayedReads);
      older.set(olderKeyHits);
      plans.set(plansCompiled);
      const now = features.underWay();
      waiting.set(now.waiting);
      pending.set(now.bytes);
    });
  }

  /** @param underWay nothing before the first call */
  watchIngest(underWay: () => IngestUnderWay | undefined): void {
    const batches = this.registry.number('sideboard_ingest_batches');
    const waiting = this.registry.number('sideboard_ingest_batches_waiting');
    const bytes = this.registry.number('sideboard_ingest_pending_bytes');
    this.registry.onCollect(() => {
      const now = underWay();
      batches.set(now?.batches ?? 0);
      waiting.set(now?.waiting ?? 0);
      bytes.set(now?.bytes ?? 0);
    });
  }

  /** @param certificates nothing where no TLS is spoken */
  watchCertificates(certificates: { readonly validTo: Date } | undefined): void {
    if (certificates === undefined) return;
    const end = this.registry.number('sideboard_tls_certificate_end_seconds');
    this.registry.onCollect(() => end.set(certificates.validTo.getTime() / 1000));
  }

  watchServer(server: GrpcServer): void {
    const calls = this.registry.number('sideboard_calls_in_flight');
    const running = this.registry.number('sideboard_calls_running');
    const connections = this.registry.number('sideboard_connections');
    this.registry.onCollect(() => {
      calls.set(server.openCalls());
      running.set(server.runningCalls());
      connections.set(server.openConnections());
    });
  }

  snapshot(): MetricsSnapshot {
    return this.registry.snapshot();
  }

  close(): void {
    this.#endProcess();
  }

  #refreshes(result: RefreshOutcome) {
    return this.registry.number('sideboard_registry_refreshes_total', result);
  }
}
