import type { ServedCall } from '../../serving/served-call.ts';
import { GrpcStatus } from '../../transports/grpc/grpc-status.ts';
import type { FailedCall, ServiceTable, StreamMethod, UnaryMethod } from '../../transports/grpc/service-table.ts';
import { hasLeft, isOver, nameOfStatus, statusOfFailure } from '../call-outcome.ts';
import type { MetricRegistry, NumberSeries } from './metric-registry.ts';

/** Measures calls of methods: how many ended how, and how long unary ones took. */
export class CallMetrics {
  readonly #registry: MetricRegistry;
  /** Calls whose failure was reported, and counted. Their methods may settle later. */
  readonly #told = new WeakSet<object>();

  constructor(registry: MetricRegistry) {
    this.#registry = registry;
  }

  /** The methods, measured. */
  measured(methods: ServiceTable): ServiceTable {
    return methods.map((method) => ('stream' in method ? this.#stream(method) : this.#unary(method)));
  }

  /** To be called for every call that was answered with an error, also for one that reached no method. */
  failed(error: unknown, path = 'other', call?: FailedCall): void {
    if (call !== undefined) this.#told.add(call);
    this.#ended(path, statusOfFailure(error)).add(1);
  }

  #ended(path: string, status: number): NumberSeries {
    return this.#registry.number('sideboard_requests_total', path, nameOfStatus(status));
  }

  #unary(method: UnaryMethod): UnaryMethod {
    const { path } = method;
    const answered = this.#ended(path, GrpcStatus.OK);
    const cancelled = this.#ended(path, GrpcStatus.CANCELLED);
    const late = this.#ended(path, GrpcStatus.DEADLINE_EXCEEDED);
    const told = this.#told;
    const duration = this.#registry.histogram('sideboard_request_duration_seconds', path);
    const settled = (start: number): void => duration.observe((performance.now() - start) / 1000);
    // Failures are told by the server, which knows what its caller got. Of a caller that did not wait for them it tells nothing.
    const left = (call: ServedCall): void => {
      if (!told.has(call)) (hasLeft(call) ? cancelled : late).add(1);
    };
    const succeeded = (start: number, call: ServedCall): void => {
      settled(start);
      if (isOver(call)) left(call);
      else answered.add(1);
    };
    return {
      path,
      handle(message, call) {
        const start = performance.now();
        let answer: Promise<Uint8Array> | Uint8Array;
        try {
          answer = method.handle(message, call);
        } catch (error) {
          settled(start);
          throw error;
        }
        if (!(answer instanceof Promise)) {
          succeeded(start, call);
          return answer;
        }
        return answer.then(
          (bytes) => {
            succeeded(start, call);
            return bytes;
          },
          (error) => {
            settled(start);
            if (isOver(call)) left(call);
            throw error;
          },
        );
      },
    };
  }

  #stream(method: StreamMethod): StreamMethod {
    const { path } = method;
    const answered = this.#ended(path, GrpcStatus.OK);
    const cancelled = this.#ended(path, GrpcStatus.CANCELLED);
    const told = this.#told;
    return {
      path,
      async stream(call) {
        try {
          await method.stream(call);
        } finally {
          // Only now the server says how it ends a call whose method has settled: one that it stopped fails all the same.
          setImmediate(() => {
            if (!told.has(call)) (call.signal.aborted ? cancelled : answered).add(1);
          });
        }
      },
    };
  }
}
