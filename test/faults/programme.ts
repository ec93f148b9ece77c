import type { FaultRow } from './harness/row.ts';
import { noFault } from './r01-no-fault.ts';
import { storeLatency } from './r02-store-latency.ts';
import { latencyAboveDeadline } from './r03-latency-above-deadline.ts';
import { blackhole } from './r04-blackhole.ts';
import { resets } from './r05-resets.ts';
import { cutReplies } from './r06-cut-replies.ts';
import { killedStore } from './r07-killed-store.ts';
import { flaps } from './r08-flaps.ts';
import { stoppedProcesses } from './r09-stopped-processes.ts';
import { storeRefusals } from './r10-store-refusals.ts';
import { rotation } from './r11-rotation.ts';
import { spoiledRows } from './r12-stored-bytes.ts';
import { spoiledRegistry } from './r13-registry.ts';
import { overload } from './r14-overload.ts';
import { sigterm } from './r15-sigterm.ts';
import { sigkill } from './r16-sigkill.ts';
import { probes } from './r17-probes.ts';
import { soak } from './r18-soak.ts';
import { badInput } from './r19-bad-input.ts';
import { hostileHttp2 } from './r20-http2.ts';
import { smallContainer } from './r21-small-container.ts';
import { oneWriter } from './r22-one-writer.ts';
import { shiftedClock } from './r23-clock.ts';
import { feastOracle } from './r24-feast-oracle.ts';

/** All rows, in the order in which they are run: the longest one last, so that what is there before stays when it is ended. */
export const faultRows: readonly FaultRow[] = [
  noFault,
  storeLatency,
  latencyAboveDeadline,
  blackhole,
  resets,
  cutReplies,
  killedStore,
  flaps,
  stoppedProcesses,
  storeRefusals,
  rotation,
  spoiledRows,
  spoiledRegistry,
  overload,
  sigterm,
  sigkill,
  probes,
  badInput,
  hostileHttp2,
  smallContainer,
  oneWriter,
  shiftedClock,
  feastOracle,
  soak,
];
