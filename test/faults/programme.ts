import type { FaultRow } from './harness/row.ts';
import { storeLatency } from './r02-store-latency.ts';

/** All rows, in the order in which they are run. */
export const faultRows: readonly FaultRow[] = [storeLatency];
