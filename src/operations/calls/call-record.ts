import { parseTraceparent } from '../../encoding/trace-context.ts';
import type {
  AskedFor,
  BeginningRead,
  CallObserver,
  RegistryRevision,
  StoreReading,
} from '../../serving/call-observer.ts';
import { FieldStatus } from '../../serving/field-status.ts';
import type { JudgedBlock } from '../../serving/judge.ts';
import type { ServedCall } from '../../serving/served-call.ts';
import { codeOfFailure, nameOfStatus } from '../call-outcome.ts';
import { countStatuses, noStatuses } from '../status-counts.ts';
import type { Tracer, TraceSpan } from '../tracing/tracer.ts';
import type { AccessLog } from './access-log.ts';

/** What the records of one process have in common. */
export interface RecordKeepers {
  readonly tracer: Tracer | undefined;
  readonly accessLog: AccessLog | undefined;
  /** As `online_store.type` names it. */
  readonly storeType: string;
}

/** A call as its records see it: one of either kind of method. */
export type RecordedCall = Pick<ServedCall, 'marks' | 'peer' | 'trace'>;

const STATUS_NAMES = new Map<number, string>(Object.entries(FieldStatus).map(([name, number]) => [number, name]));
/** Views that a line or a span names; the others are counted. */
const MAX_VIEWS = 20;
/** What a caller sends as its request's id is its own affair: only what looks like one is shown. */
const REQUEST_ID = /^[\w.:/+=@-]{1,128}$/;
/** Statuses for which a server is to blame, as OpenTelemetry has it: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const SERVER_FAULTS: ReadonlySet<number> = new Set([2, 4, 12, 13, 14, 15]);

/** Names that OpenTelemetry has for what stands behind a store; others stand for themselves. */
const DB_SYSTEMS: Readonly<Record<string, string>> = {
  dynamodb: 'aws.dynamodb',
  mlforge_dynamodb: 'aws.dynamodb',
  mlforge_redis: 'redis',
  postgres: 'postgresql',
};

/** Collects what happens to one call, for a span and for a line in the log. It ends once. */
export class CallRecord implements CallObserver {
  readonly #path: string;
  readonly #call: RecordedCall;
  readonly #keepers: RecordKeepers;
  readonly #span: TraceSpan | undefined;
  readonly #startedAt = performance.now();
  #what: AskedFor | undefined;
  #entities = 0;
  #revision: RegistryRevision | undefined;
  #statuses: Float64Array | undefined;
  #ended = false;

  /** @param path of the method, as the service table has it */
  constructor(path: string, call: RecordedCall, keepers: RecordKeepers) {
    this.#path = path;
    this.#call = call;
    this.#keepers = keepers;
    this.#span = keepers.tracer?.startCall(path.slice(1), call.marks, rpcAttributes(path, call));
    if (this.#span !== undefined) call.trace = this.#span.context;
  }

  /** Part of {@link CallObserver}. */
  asked(what: AskedFor, entities: number, revision: RegistryRevision): void {
    this.#what = what;
    this.#entities = entities;
    this.#revision = revision;
  }

  /** Part of {@link CallObserver}. */
  reading(reads: readonly BeginningRead[]): StoreReading {
    const parent = this.#span;
    if (parent === undefined || !parent.isRecorded) return UNRECORDED;
    const { storeType } = this.#keepers;
    let keys = 0;
    for (const read of reads) keys += read.keys.length;
    const span = parent.startChild(`${storeType} read`, {
      'db.system.name': DB_SYSTEMS[storeType] ?? storeType,
      'db.operation.name': 'read',
      'sideboard.store': storeType,
      'sideboard.views': reads.slice(0, MAX_VIEWS).map(({ table }) => table.name),
      'sideboard.view_count': reads.length,
      'sideboard.keys': keys,
    });
    this.#call.trace = span.context;
    return {
      ended(error, found = rowsFound(reads)) {
        if (error === undefined) span.add({ 'sideboard.rows_found': found });
        else span.fail(codeOfFailure(error));
        span.end();
      },
    };
  }

  /** Part of {@link CallObserver}. */
  answered(judged: readonly JudgedBlock[], rows: number): void {
    this.#statuses = noStatuses();
    for (const table of judged) countStatuses(table, rows, this.#statuses);
  }

  /**
   * The call has ended. What ends it later does not count.
   * @param status of gRPC
   * @param code the stable code of the error, where there is one
   */
  end(status: number, code?: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#endSpan(status, code);
    const milliseconds = performance.now() - this.#startedAt;
    this.#keepers.accessLog?.ended(status, milliseconds, () => this.#line(status, code, milliseconds));
  }

  #endSpan(status: number, code: string | undefined): void {
    const span = this.#span;
    if (span === undefined) return;
    if (span.isRecorded) {
      const what = this.#what;
      span.add({
        'rpc.grpc.status_code': status,
        ...(what !== undefined && {
          ...(what.service !== undefined && { 'sideboard.feature_service': what.service }),
          'sideboard.views': what.views.slice(0, MAX_VIEWS),
          'sideboard.features': what.features,
          'sideboard.entities': this.#entities,
        }),
        ...(this.#revision !== undefined && { 'sideboard.registry.version': this.#revision.versionId }),
      });
      for (const [name, count] of this.#statusCounts()) span.add({ [`sideboard.values.${name.toLowerCase()}`]: count });
      if (SERVER_FAULTS.has(status)) span.fail(code ?? nameOfStatus(status));
      else if (code !== undefined) span.add({ 'error.type': code });
    }
    span.end();
  }

  #line(status: number, code: string | undefined, milliseconds: number): object {
    const { marks, peer } = this.#call;
    const what = this.#what;
    const revision = this.#revision;
    const statuses = Object.fromEntries(this.#statusCounts());
    return {
      method: this.#path,
      code: nameOfStatus(status),
      ...(code !== undefined && { error: code }),
      ms: Math.round(milliseconds * 1000) / 1000,
      ...(what !== undefined && {
        ...(what.service === undefined ? viewsOf(what) : { service: what.service }),
        entities: this.#entities,
        features: what.features,
      }),
      ...(this.#statuses !== undefined && { statuses }),
      ...(revision !== undefined && { registry: revision.versionId, generation: revision.generation }),
      ...callFields(this.#call, this.#span?.traceId ?? parseTraceparent(marks?.traceparent)?.traceId),
      ...(peer !== undefined && { peer }),
    };
  }

  *#statusCounts(): Generator<readonly [name: string, count: number]> {
    const counts = this.#statuses;
    if (counts === undefined) return;
    for (const [status, name] of STATUS_NAMES) {
      const count = counts[status] ?? 0;
      if (count > 0) yield [name, count];
    }
  }
}

const UNRECORDED: StoreReading = { ended() {} };

/** Ids that a line names a call by, as far as it has them. */
export function callFields({ marks }: RecordedCall, traceId: string | undefined): object {
  const requestId = marks?.requestId;
  return {
    ...(traceId !== undefined && { traceId }),
    ...(requestId !== undefined && REQUEST_ID.test(requestId) && { requestId }),
  };
}

function viewsOf({ views }: AskedFor): object {
  const more = views.length - MAX_VIEWS;
  return more > 0 ? { views: views.slice(0, MAX_VIEWS), moreViews: more } : { views };
}

function rowsFound(reads: readonly BeginningRead[]): number {
  let found = 0;
  for (const { block } of reads) {
    if (block !== undefined) for (const flag of block.found) found += flag;
  }
  return found;
}

function rpcAttributes(path: string, { peer }: RecordedCall): Record<string, string> {
  const slash = path.lastIndexOf('/');
  return {
    'rpc.system': 'grpc',
    'rpc.service': path.slice(1, slash),
    'rpc.method': path.slice(slash + 1),
    ...(peer !== undefined && {
      'network.transport': peer === 'unix' ? 'unix' : 'tcp',
      'sideboard.peer': peer,
    }),
  };
}
