import type { FaultRow } from './harness/row.ts';
import { storeLatency } from './r02-store-latency.ts';
import { spoiledRows } from './r12-stored-bytes.ts';
import { sigterm } from './r15-sigterm.ts';
import { sigkill } from './r16-sigkill.ts';
import { probes } from './r17-probes.ts';

/** All rows, in the order in which they are run. */
export const faultRows: readonly FaultRow[] = [storeLatency, spoiledRows, sigterm, sigkill, probes];
