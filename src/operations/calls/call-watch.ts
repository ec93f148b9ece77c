import { parseTraceparent } from '../../encoding/trace-context.ts';
import type { ServedCall } from '../../serving/served-call.ts';
import { GrpcStatus } from '../../transports/grpc/grpc-status.ts';
import type {
  FailedCall,
  ServiceMethod,
  ServiceTable,
  StreamMethod,
  UnaryMethod,
} from '../../transports/grpc/service-table.ts';
import { codeOfFailure, hasLeft, isOver, nameOfStatus, statusOfFailure } from '../call-outcome.ts';
import { CallRecord, callFields, type RecordKeepers } from './call-record.ts';

/** Probes and tools: nobody wants a span or a line for each of these, unless it fails. */
const UNRECORDED = /^\/grpc\.(?:health|reflection)\./;

/** Makes a record of every call: for its span, and for its line in the log. */
export class CallWatch {
  readonly #keepers: RecordKeepers;

  constructor(keepers: RecordKeepers) {
    this.#keepers = keepers;
  }

  /** The methods, watched. */
  watched(methods: ServiceTable): ServiceTable {
    return methods.map((method): ServiceMethod => {
      if (UNRECORDED.test(method.path)) return method;
      return 'stream' in method ? this.#stream(method) : this.#unary(method);
    });
  }

  /** To be called for every call that was answered with an error, also for one that reached no method. */
  failed(error: unknown, path: string | undefined, call: FailedCall | undefined): void {
    const status = statusOfFailure(error);
    const code = codeOfFailure(error);
    if (call?.observer instanceof CallRecord) {
      call.observer.end(status, code);
      return;
    }
    this.#keepers.accessLog?.ended(status, 0, () => ({
      // A path that the caller made up is not repeated.
      method: path ?? 'other',
      code: nameOfStatus(status),
      error: code,
      ...(call !== undefined && {
        ...callFields(call, parseTraceparent(call.marks?.traceparent)?.traceId),
        ...(call.peer !== undefined && { peer: call.peer }),
      }),
    }));
  }

  #unary(method: UnaryMethod): UnaryMethod {
    const { path } = method;
    return {
      path,
      handle: (message, call) => {
        const record = new CallRecord(path, call, this.#keepers);
        call.observer = record;
        let answer: Promise<Uint8Array> | Uint8Array;
        try {
          answer = method.handle(message, call);
        } catch (error) {
          fail(record, error, call);
          throw error;
        }
        if (!(answer instanceof Promise)) {
          record.end(outcomeOf(call));
          return answer;
        }
        return answer.then(
          (bytes) => {
            record.end(outcomeOf(call));
            return bytes;
          },
          (error) => {
            fail(record, error, call);
            throw error;
          },
        );
      },
    };
  }

  #stream(method: StreamMethod): StreamMethod {
    const { path } = method;
    return {
      path,
      stream: async (call) => {
        const record = new CallRecord(path, call, this.#keepers);
        call.observer = record;
        try {
          await method.stream(call);
          // Only now the server says how it ends a call whose method has settled: one that it stopped fails all the same.
          setImmediate(() => record.end(call.signal.aborted ? GrpcStatus.CANCELLED : GrpcStatus.OK));
        } catch (error) {
          if (call.signal.aborted) record.end(GrpcStatus.CANCELLED);
          else record.end(statusOfFailure(error), codeOfFailure(error));
          throw error;
        }
      },
    };
  }
}

/** The status by which a method that has answered is counted: OK, or why nobody waited any more. */
function outcomeOf(call: ServedCall): number {
  if (!isOver(call)) return GrpcStatus.OK;
  return hasLeft(call) ? GrpcStatus.CANCELLED : GrpcStatus.DEADLINE_EXCEEDED;
}

function fail(record: CallRecord, error: unknown, call: ServedCall): void {
  if (isOver(call)) record.end(outcomeOf(call));
  else record.end(statusOfFailure(error), codeOfFailure(error));
}
