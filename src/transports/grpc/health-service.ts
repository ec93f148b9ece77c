import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthListRequestSchema,
  HealthListResponseSchema,
  HealthCheckResponse_ServingStatus as HealthStatus,
} from '../../../gen/grpc/health/v1/health_pb.ts';
import { ServingError } from '../../serving/serving-error.ts';
import { TransportError } from '../transport-error.ts';
import { type HealthWatcher, HealthWatchers } from './health-watchers.ts';
import type { ServiceTable, StreamCall } from './service-table.ts';

/** Name of the server as a whole. */
const WHOLE = '';

/** Watches that may be open at a time. A client needs one for each service that it cares for. */
export const MAX_WATCHES = 1_000;

/**
 * `grpc.health.v1.Health`: tells clients and probes of each service whether calls of it should come here. Its methods look at nothing
 * but this object, so that they are answered however busy the process and its store are.
 */
export class HealthService {
  readonly methods: ServiceTable = [
    { path: '/grpc.health.v1.Health/Check', handle: (message) => this.#check(message) },
    { path: '/grpc.health.v1.Health/List', handle: (message) => this.#list(message) },
    { path: '/grpc.health.v1.Health/Watch', stream: (call) => this.#watch(call) },
  ];
  /** Whether each service is there, as long as the whole is. */
  readonly #services: ReadonlyMap<string, boolean>;
  readonly #maxWatches: number;
  readonly #watchers: HealthWatchers;
  #serving = false;
  #stopped = false;

  /** @param services with their packages; `false` for one that refuses its calls whatever happens */
  constructor(services: ReadonlyMap<string, boolean>, maxWatches = MAX_WATCHES) {
    this.#maxWatches = maxWatches;
    this.#watchers = new HealthWatchers(maxWatches);
    this.#services = new Map([[WHOLE, true], ...services]);
  }

  /** Whether the process can serve. Nothing is served until this says so. */
  set serving(serving: boolean) {
    this.#serving = serving;
    this.#wakeAll();
  }

  /** Ends every Watch with UNAVAILABLE, those that are still to come at once. The other methods go on. */
  stop(): void {
    this.#stopped = true;
    this.#wakeAll();
  }

  #check(message: Uint8Array): Uint8Array {
    const service = parseRequest(message);
    const status = this.#statusOf(service);
    if (status !== HealthStatus.SERVICE_UNKNOWN) return answerOf(status);
    // What a caller sends is not repeated at any length.
    throw new TransportError('UNKNOWN_SERVICE', `There is no service "${service.slice(0, 100)}" here.`, {
      hint: 'grpc.health.v1.Health/List names those that there are.',
    });
  }

  #list(message: Uint8Array): Uint8Array {
    try {
      fromBinary(HealthListRequestSchema, message);
    } catch (cause) {
      throw malformed(cause);
    }
    const statuses = [...this.#services.keys()].map((service) => {
      return [service, create(HealthCheckResponseSchema, { status: this.#statusOf(service) })];
    });
    return toBinary(
      HealthListResponseSchema,
      create(HealthListResponseSchema, { statuses: Object.fromEntries(statuses) }),
    );
  }

  /** Ends when the client leaves, or the process stops: it holds up nothing. */
  async #watch(call: StreamCall): Promise<void> {
    const service = await onlyMessage(call);
    if (service === undefined) return;
    let wake = (): void => {};
    const watcher: HealthWatcher = { connection: call.connection, isDisplaced: false, wake: () => wake() };
    if (!this.#watchers.add(watcher)) throw this.#tooMany();
    const wakeUp = watcher.wake;
    call.signal.addEventListener('abort', wakeUp);
    try {
      let told: HealthStatus | undefined;
      while (!call.signal.aborted) {
        const status = this.#statusOf(service);
        if (watcher.isDisplaced) throw this.#tooMany();
        if (status !== told) {
          // While the client does not take it the status may change again: then it learns the last one.
          await call.send(answerOf(status));
          told = status;
        } else if (this.#stopped) {
          throw new TransportError('SHUTTING_DOWN', 'The server is shutting down.', {
            hint: 'Watch another one.',
          });
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      this.#watchers.delete(watcher);
      call.signal.removeEventListener('abort', wakeUp);
    }
  }

  #tooMany(): TransportError {
    return new TransportError('TOO_MANY_WATCHES', `There are ${this.#maxWatches} watches of this server already.`, {
      hint: 'Keep one Watch per client open, or use Check.',
    });
  }

  #statusOf(service: string): HealthStatus {
    const isThere = this.#services.get(service);
    if (isThere === undefined) return HealthStatus.SERVICE_UNKNOWN;
    return isThere && this.#serving ? HealthStatus.SERVING : HealthStatus.NOT_SERVING;
  }

  #wakeAll(): void {
    for (const { wake } of this.#watchers.all()) wake();
  }
}

/** The services of a table's methods, with their packages. */
export function servicesOf(methods: ServiceTable): readonly string[] {
  return [...new Set(methods.map(({ path }) => path.slice(1, path.lastIndexOf('/'))))];
}

/** The service that the call's one message names; nothing where the client left without one. */
async function onlyMessage(call: StreamCall): Promise<string | undefined> {
  for await (const message of call.messages) return parseRequest(message);
  return undefined;
}

function parseRequest(message: Uint8Array): string {
  try {
    return fromBinary(HealthCheckRequestSchema, message).service;
  } catch (cause) {
    throw malformed(cause);
  }
}

function malformed(cause: unknown): ServingError {
  return new ServingError('MALFORMED_REQUEST', 'The request is not a message of grpc.health.v1.', { cause });
}

function answerOf(status: HealthStatus): Uint8Array {
  return toBinary(HealthCheckResponseSchema, create(HealthCheckResponseSchema, { status }));
}
