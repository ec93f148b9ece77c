import type { ServiceTable } from '../transports/grpc/service-table.ts';
import { type MetricsSnapshot, mergeSnapshots } from './metrics/metric-snapshot.ts';

export interface MethodCounters {
  /** Calls that the method was asked to answer. */
  readonly calls: number;
  /** Calls that were answered with an error, those among them that never reached the method: a request may be too large. */
  readonly failures: number;
}

/** What a process that serves has counted since its start. */
export interface ServerCounters {
  /** By the path of the method. */
  readonly methods: Readonly<Record<string, MethodCounters>>;
  /** Calls of no method that is served. */
  readonly strayCalls: number;
  /** Rows that were found only under their older (v2) entity key. */
  readonly olderKeyHits: number;
  readonly plansCompiled: number;
  /** Requests that had to wait for their turn to read. */
  readonly delayedReads: number;
  /** What `/metrics` shows of the process; empty where there is no such page. */
  readonly metrics: MetricsSnapshot;
}

export const noCounters: ServerCounters = {
  methods: {},
  strayCalls: 0,
  olderKeyHits: 0,
  plansCompiled: 0,
  delayedReads: 0,
  metrics: {},
};

export function addCounters(a: ServerCounters, b: ServerCounters): ServerCounters {
  const methods: Record<string, MethodCounters> = { ...a.methods };
  for (const [path, { calls, failures }] of Object.entries(b.methods)) {
    const before = methods[path] ?? { calls: 0, failures: 0 };
    methods[path] = { calls: before.calls + calls, failures: before.failures + failures };
  }
  return {
    methods,
    strayCalls: a.strayCalls + b.strayCalls,
    olderKeyHits: a.olderKeyHits + b.olderKeyHits,
    plansCompiled: a.plansCompiled + b.plansCompiled,
    delayedReads: a.delayedReads + b.delayedReads,
    metrics: mergeSnapshots(a.metrics, b.metrics),
  };
}

/** The same in a few numbers, for the log. */
export function counterTotals({
  methods,
  strayCalls,
  olderKeyHits,
  plansCompiled,
  delayedReads,
}: ServerCounters): object {
  let calls = strayCalls;
  let failures = strayCalls;
  for (const each of Object.values(methods)) {
    calls += each.calls;
    failures += each.failures;
  }
  return { calls, failures, olderKeyHits, plansCompiled, delayedReads };
}

/** Counts calls of methods. Nothing is allocated per call. */
export class CallCounters {
  readonly #methods = new Map<string, { calls: number; failures: number }>();
  #strayCalls = 0;

  /** The methods, with a counter before each. */
  counted(methods: ServiceTable): ServiceTable {
    return methods.map((method) => {
      const count = { calls: 0, failures: 0 };
      this.#methods.set(method.path, count);
      const { path } = method;
      if ('stream' in method) {
        const stream: typeof method.stream = (call) => {
          count.calls++;
          return method.stream(call);
        };
        return { path, stream };
      }
      return {
        path,
        handle(message, call) {
          count.calls++;
          return method.handle(message, call);
        },
      };
    });
  }

  /** To be called for every call that was answered with an error. */
  failed(path: string | undefined): void {
    const count = path === undefined ? undefined : this.#methods.get(path);
    if (count === undefined) this.#strayCalls++;
    else count.failures++;
  }

  current(): Pick<ServerCounters, 'methods' | 'strayCalls'> {
    return { methods: Object.fromEntries(this.#methods), strayCalls: this.#strayCalls };
  }
}
