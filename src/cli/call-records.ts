import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import type { Logger } from '../operations/logger.ts';
import type { MetricRegistry } from '../operations/metrics/metric-registry.ts';
import type { Tracer } from '../operations/tracing/tracer.ts';
import type { FailedCall, ServiceTable } from '../transports/grpc/service-table.ts';
import { packageVersion } from './package-version.ts';

/** How long stopping may take beyond the calls under way, for spans that are not exported yet. Less than a worker may linger. */
const FLUSH_MS = 1_500;

/** What a process that serves records of single calls: spans, and lines in the log. */
export interface CallRecords {
  readonly tracer: Tracer | undefined;
  /** The methods, watched; the same where nothing is recorded. */
  watched(methods: ServiceTable): ServiceTable;
  /** To be called for every call that was answered with an error. */
  failed(error: unknown, path: string | undefined, call: FailedCall | undefined): void;
  /** Exports what is left. */
  close(): Promise<void>;
}

/**
 * Opens what the settings, and OpenTelemetry's variables, ask to be recorded. Where that is nothing, nothing is loaded, and calls go the
 * way that they would go without.
 * @throws TracingError
 */
export async function openCallRecords(
  config: FeatureStoreConfig,
  env: NodeJS.ProcessEnv,
  log: Logger,
  metrics: MetricRegistry | undefined,
): Promise<CallRecords> {
  const { openTracer } = await import('../operations/tracing/open-tracer.ts');
  const { accessLog: accessSettings, tracing } = config.sideboard;
  const tracer = await openTracer({
    settings: tracing,
    env,
    log,
    version: packageVersion(),
    resource: { 'process.pid': process.pid, 'sideboard.project': config.project },
    onSpans: (result, count) => metrics?.number('sideboard_trace_spans_total', result).add(count),
  });
  if (tracer === undefined && !accessSettings.enabled) {
    return { tracer, watched: (methods) => methods, failed() {}, close: async () => {} };
  }
  const [{ CallWatch }, { AccessLog }] = await Promise.all([
    import('../operations/calls/call-watch.ts'),
    import('../operations/calls/access-log.ts'),
  ]);
  const accessLog = accessSettings.enabled ? new AccessLog({ settings: accessSettings, log }) : undefined;
  const watch = new CallWatch({ tracer, accessLog, storeType: config.onlineStore.type });
  return {
    tracer,
    watched: (methods) => watch.watched(methods),
    failed: (error, path, call) => watch.failed(error, path, call),
    close: async () => tracer?.close(FLUSH_MS),
  };
}
