import { SideboardError } from '../../errors.ts';
import type { FailedCall } from '../../transports/grpc/service-table.ts';
import type { TransportLimit } from '../../transports/grpc/transport-limit.ts';
import type { MetricRegistry, NumberSeries } from './metric-registry.ts';

/** Limits that calls hear of, by the code of the error that they get. */
const LIMITS_OF_CODES = {
  TOO_MANY_CALLS: 'in_flight',
  QUEUED_TOO_LONG: 'queue_age',
  MESSAGE_TOO_LARGE: 'message',
  TOO_MANY_ENTITIES: 'entities',
  TOO_MANY_FEATURES: 'features',
  TOO_MANY_VALUES: 'values',
  STREAM_IDLE: 'stream_idle',
  TOO_MANY_WATCHES: 'watches',
} as const satisfies Readonly<Record<string, string>>;

/** Timers may come a little early. */
const TIMER_SLACK_MS = 5;

/** All that `sideboard_limits_exceeded_total` tells apart. */
export const limitNames: readonly string[] = [
  ...new Set<string>(Object.values(LIMITS_OF_CODES)),
  'deadline',
  ...([
    'connections',
    'connection_age',
    'connection_idle',
    'keepalive',
    'pings',
    'streams',
    'metadata',
    'resets',
    'frames',
    'settings',
  ] satisfies readonly TransportLimit[]),
];

/** Counts how often limits take effect. */
export class LimitMetrics {
  readonly #series: ReadonlyMap<string, NumberSeries>;

  constructor(registry: MetricRegistry) {
    // A counter that appears with the first time hides that time from rate().
    this.#series = new Map(limitNames.map((name) => [name, registry.number('sideboard_limits_exceeded_total', name)]));
  }

  exceeded(limit: TransportLimit): void {
    this.#series.get(limit)?.add(1);
  }

  /** A call was answered with an error, which may be that of a limit. */
  failed(error: unknown, call: FailedCall | undefined): void {
    if (!(error instanceof SideboardError)) return;
    const limit = (LIMITS_OF_CODES as Readonly<Record<string, string>>)[error.code] ?? deadlineOf(error, call);
    if (limit !== undefined) this.#series.get(limit)?.add(1);
  }
}

/**
 * Whoever notices first that the time is up says so in its own words: the server, or the store. A store's own limit may come
 * before, and the deadline that a caller has set is not a limit of ours.
 */
function deadlineOf({ kind }: SideboardError, call: FailedCall | undefined): 'deadline' | undefined {
  const { deadline, deadlineIsOurs } = call ?? {};
  if (kind !== 'deadline_exceeded' || deadlineIsOurs !== true || deadline === undefined) return undefined;
  return deadline <= Date.now() + TIMER_SLACK_MS ? 'deadline' : undefined;
}
