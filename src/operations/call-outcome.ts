import { SideboardError } from '../errors.ts';
import type { ServedCall } from '../serving/served-call.ts';
import { GrpcStatus, statusOfKind } from '../transports/grpc/grpc-status.ts';

const NAMES = new Map<number, string>(Object.entries(GrpcStatus).map(([name, number]) => [number, name]));

/** `UNAVAILABLE` for 14. */
export function nameOfStatus(status: number): string {
  return NAMES.get(status) ?? 'UNKNOWN';
}

/** The gRPC status that a caller gets for an error. */
export function statusOfFailure(error: unknown): number {
  return error instanceof SideboardError ? statusOfKind[error.kind] : GrpcStatus.INTERNAL;
}

/** The stable code that a caller gets for an error. */
export function codeOfFailure(error: unknown): string {
  return error instanceof SideboardError ? error.code : 'INTERNAL';
}

/** Nobody waits for the answer any more. */
export function isOver(call: ServedCall): boolean {
  return call.cancelled ?? call.signal?.aborted === true;
}

/** A caller's clock began before ours, by the way of its request: it gives up that much earlier. */
const AHEAD_MS = 20;

/** Whether the caller of a call that is over has gone: its deadline is not near, so it must have left for another reason. */
export function hasLeft({ deadline }: ServedCall): boolean {
  return deadline === undefined || deadline > Date.now() + AHEAD_MS;
}
