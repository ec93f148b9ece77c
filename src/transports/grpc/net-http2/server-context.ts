import type { CallAdmission } from '../call-admission.ts';
import type { GrpcServerOptions, ServiceMethod } from '../service-table.ts';
import type { MemoryPool } from './memory-pool.ts';
import type { NetHttp2Limits } from './net-http2-limits.ts';

/** What the connections of a server have in common. */
export interface ServerContext {
  readonly methods: ReadonlyMap<string, ServiceMethod>;
  readonly options: GrpcServerOptions;
  readonly limits: NetHttp2Limits;
  readonly memory: MemoryPool;
  /** Bounds what is under way at a time. */
  readonly admission: CallAdmission | undefined;
}
