export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** In a sentence. */
  readonly help: string;
  readonly unit: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets; one without a bound follows. */
  readonly buckets?: readonly number[];
  /** How the values of several processes become one; counters and histograms are added up. */
  readonly merge?: 'sum' | 'max' | 'min';
  /** Sets of labels that it may have, where that is not the usual number. */
  readonly maxSeries?: number;
}

export type MetricCatalogue = Readonly<Record<string, MetricDefinition>>;

const SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const DAY = 86_400;
const AGES = [1, 10, 60, 300, 900, 3_600, 6 * 3_600, DAY, 3 * DAY, 7 * DAY, 30 * DAY, 90 * DAY];

/** Everything that `/metrics` shows. `docs/reference/metrics.md` lists it; a test compares the two. */
export const metrics = {
  sideboard_requests_total: {
    type: 'counter',
    help: 'Calls that have ended, by method and gRPC status.',
    unit: 'calls',
    labels: ['method', 'code'],
    // Every status of every method: else callers who provoke many of them could hide those of a store that is away.
    maxSeries: 250,
  },
  sideboard_request_duration_seconds: {
    type: 'histogram',
    help: 'Time that unary methods took, from when they were run to the answer or failure.',
    unit: 'seconds',
    labels: ['method'],
    buckets: SECONDS,
  },
  sideboard_calls_in_flight: {
    type: 'gauge',
    help: 'Calls that have begun and not ended, streaming ones among them.',
    unit: 'calls',
    labels: [],
    merge: 'sum',
  },
  sideboard_connections: {
    type: 'gauge',
    help: 'Connections of clients.',
    unit: 'connections',
    labels: [],
    merge: 'sum',
  },
  sideboard_calls_running: {
    type: 'gauge',
    help: 'Unary calls whose methods run, health aside: what sideboard.serving.max_in_flight_calls bounds.',
    unit: 'calls',
    labels: [],
    merge: 'sum',
  },
  sideboard_limits_exceeded_total: {
    type: 'counter',
    help: 'Times that a limit took effect, by limit.',
    unit: 'times',
    labels: ['limit'],
  },
  sideboard_values_total: {
    type: 'counter',
    help: 'Feature values in answers, by status.',
    unit: 'values',
    labels: ['status'],
  },
  sideboard_feature_age_seconds: {
    type: 'histogram',
    help: 'Age of the oldest row that a request got from a view, by its event timestamp.',
    unit: 'seconds',
    labels: ['view'],
    buckets: AGES,
  },
  sideboard_store_operation_duration_seconds: {
    type: 'histogram',
    help: 'Time that the online store took, failures included.',
    unit: 'seconds',
    labels: ['store', 'operation'],
    buckets: SECONDS,
  },
  sideboard_store_errors_total: {
    type: 'counter',
    help: 'Operations of the online store that failed, by error code.',
    unit: 'operations',
    labels: ['store', 'operation', 'code'],
  },
  sideboard_store_connections: {
    type: 'gauge',
    help: 'Connections to a MySQL, PostgreSQL, DynamoDB or Redis store, by state: in_use, idle or connecting.',
    unit: 'connections',
    labels: ['store', 'state'],
    merge: 'sum',
  },
  sideboard_store_calls_waiting: {
    type: 'gauge',
    help: 'Calls that wait for a connection to a store whose calls do not share them.',
    unit: 'calls',
    labels: ['store'],
    merge: 'sum',
  },
  sideboard_store_breaker_state: {
    type: 'gauge',
    help: 'The circuit breaker of the online store: 0 closed, 1 half-open, 2 open.',
    unit: '0 to 2',
    labels: ['store'],
    merge: 'max',
  },
  sideboard_store_breaker_changes_total: {
    type: 'counter',
    help: 'Changes of the circuit breaker, by the state that it came into: closed, half-open or open.',
    unit: 'changes',
    labels: ['store', 'state'],
  },
  sideboard_store_breaker_refused_total: {
    type: 'counter',
    help: 'Calls that the circuit breaker kept away from the online store.',
    unit: 'calls',
    labels: ['store'],
  },
  sideboard_store_retries_total: {
    type: 'counter',
    help: 'Calls of the online store whose connection broke, by what followed: granted a repeat, or denied one.',
    unit: 'calls',
    labels: ['store', 'result'],
  },
  sideboard_reads_delayed_total: {
    type: 'counter',
    help: 'Requests that had to wait for their turn to read, because of sideboard.serving.max_pending_bytes.',
    unit: 'requests',
    labels: [],
  },
  sideboard_reads_waiting: {
    type: 'gauge',
    help: 'Requests that wait for their turn to read.',
    unit: 'requests',
    labels: [],
    merge: 'sum',
  },
  sideboard_read_pending_bytes: {
    type: 'gauge',
    help: 'Expected size of the answers that are being read for.',
    unit: 'bytes',
    labels: [],
    merge: 'sum',
  },
  sideboard_ingest_batches: {
    type: 'gauge',
    help: 'Batches of loading calls that are worked on; sideboard.ingest.max_batches_in_flight bounds those of each call.',
    unit: 'batches',
    labels: [],
    merge: 'sum',
  },
  sideboard_ingest_batches_waiting: {
    type: 'gauge',
    help: 'Batches that wait for room, because of sideboard.ingest.max_pending_bytes.',
    unit: 'batches',
    labels: [],
    merge: 'sum',
  },
  sideboard_ingest_pending_bytes: {
    type: 'gauge',
    help: 'Size of the batches that have room.',
    unit: 'bytes',
    labels: [],
    merge: 'sum',
  },
  sideboard_older_key_hits_total: {
    type: 'counter',
    help: 'Rows that were found only under their older (v2) entity key.',
    unit: 'rows',
    labels: [],
  },
  sideboard_plans_compiled_total: {
    type: 'counter',
    help: 'Plans that were compiled, because a set of features was asked for first or the registry had changed.',
    unit: 'plans',
    labels: [],
  },
  sideboard_trace_spans_total: {
    type: 'counter',
    help: 'Spans of traces, by what became of them: exported, failed (the collector did not take them) or dropped (the queue was full).',
    unit: 'spans',
    labels: ['result'],
  },
  sideboard_ready: {
    type: 'gauge',
    help: '1 where the process is ready, of several workers where one is.',
    unit: '0 or 1',
    labels: [],
    merge: 'max',
  },
  sideboard_registry_age_seconds: {
    type: 'gauge',
    help: 'Time since the source of the registry was last seen to hold what is served.',
    unit: 'seconds',
    labels: [],
    merge: 'max',
  },
  sideboard_registry_from_copy: {
    type: 'gauge',
    help: '1 where the registry that is served came from the copy on disk.',
    unit: '0 or 1',
    labels: [],
    merge: 'max',
  },
  sideboard_registry_refreshes_total: {
    type: 'counter',
    help: 'Readings of the registry after the first, by result: swapped, unchanged or failed.',
    unit: 'readings',
    labels: ['result'],
  },
  sideboard_tls_certificate_end_seconds: {
    type: 'gauge',
    help: 'When the certificate that is served ends, since 1970.',
    unit: 'seconds',
    labels: [],
    merge: 'min',
  },
  sideboard_event_loop_delay_seconds: {
    type: 'gauge',
    help: 'How late timers were since the last time that this page was made: median, 99th percentile and worst.',
    unit: 'seconds',
    labels: ['quantile'],
    merge: 'max',
  },
  sideboard_event_loop_busy_seconds_total: {
    type: 'counter',
    help: 'Time that the event loop spent working.',
    unit: 'seconds',
    labels: [],
  },
  sideboard_heap_used_bytes: {
    type: 'gauge',
    help: 'JavaScript heap in use.',
    unit: 'bytes',
    labels: [],
    merge: 'sum',
  },
  sideboard_processes: { type: 'gauge', help: 'Processes that serve.', unit: 'processes', labels: [], merge: 'sum' },
  sideboard_build_info: {
    type: 'gauge',
    help: 'Always 1; the labels say which version runs.',
    unit: '1',
    labels: ['version', 'node'],
    merge: 'max',
  },
  process_cpu_seconds_total: {
    type: 'counter',
    help: 'CPU time of the process, user and system.',
    unit: 'seconds',
    labels: [],
  },
  process_resident_memory_bytes: {
    type: 'gauge',
    help: 'Resident memory. Pages that several processes share count for each.',
    unit: 'bytes',
    labels: [],
    merge: 'sum',
  },
  process_open_fds: {
    type: 'gauge',
    help: 'Open file descriptors.',
    unit: 'descriptors',
    labels: [],
    merge: 'sum',
  },
  process_start_time_seconds: {
    type: 'gauge',
    help: 'When the process started, since 1970.',
    unit: 'seconds',
    labels: [],
    merge: 'min',
  },
} as const satisfies MetricCatalogue;

export type MetricName = keyof typeof metrics;
