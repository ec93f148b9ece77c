import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { cpuMsOf } from '../measure/process-cpu.ts';
import type { Done, Exchange } from './exchange.ts';
import { connectGrpc } from './grpc-exchange.ts';
import { LatencyHistogram } from './histogram.ts';
import type { LoadResult, LoadSpec } from './load-spec.ts';
import { connectResp } from './resp-exchange.ts';
import { connectWire } from './wire-exchange.ts';

export interface WindowEvents {
  readonly onOpen?: () => void;
  readonly onClose?: () => void;
}

/** How long the requests under way may take once the window is closed. */
const DRAIN_MS = 60_000;
const MAX_FAILURE_TEXTS = 8;

export function connectTo({
  endpoint,
  ring,
  connections,
}: Pick<LoadSpec, 'endpoint' | 'ring' | 'connections'>): Promise<Exchange> {
  if (endpoint.kind === 'grpc') return connectGrpc(endpoint, ring, connections);
  return endpoint.kind === 'wire' ? connectWire(endpoint, ring, connections) : connectResp(endpoint, ring, connections);
}

/** Warms up, measures, waits for what is under way. */
export async function runLoad(spec: LoadSpec, events: WindowEvents = {}): Promise<LoadResult> {
  const exchange = await connectTo(spec);
  const run = new LoadRun(spec, exchange);
  try {
    run.start();
    await sleep(spec.warmupMs);
    events.onOpen?.();
    run.openWindow();
    await sleep(spec.measureMs);
    run.closeWindow();
    events.onClose?.();
    await run.drained(DRAIN_MS);
    return run.result();
  } finally {
    exchange.close();
  }
}

class LoadRun {
  readonly #spec: LoadSpec;
  readonly #exchange: Exchange;
  readonly #failures = new Map<string, number>();
  readonly #differing = new Map<number, Uint8Array>();
  #histogram = new LatencyHistogram();
  #measuring = false;
  #sending = true;
  #cursor = 0;
  #underWay = 0;
  #errors = 0;
  #checked = 0;
  #differingCount = 0;
  #serverCpuMs = 0;
  #driverCpu: NodeJS.CpuUsage = process.cpuUsage();
  #beganUs = 0;
  #endedUs = 0;

  constructor(spec: LoadSpec, exchange: Exchange) {
    this.#spec = spec;
    this.#exchange = exchange;
  }

  start(): void {
    const { pace } = this.#spec;
    if (pace.kind === 'open') this.#sendByClock(pace.perSecond);
    else for (let n = 0; n < pace.concurrency; n++) this.#sendNext(true);
  }

  openWindow(): void {
    this.#histogram = new LatencyHistogram();
    this.#serverCpuMs = cpuMsOf(this.#spec.pids);
    this.#driverCpu = process.cpuUsage();
    this.#beganUs = monotonicUs();
    this.#measuring = true;
  }

  closeWindow(): void {
    this.#measuring = false;
    this.#sending = false;
    this.#endedUs = monotonicUs();
    this.#driverCpu = process.cpuUsage(this.#driverCpu);
    this.#serverCpuMs = cpuMsOf(this.#spec.pids) - this.#serverCpuMs;
  }

  async drained(limitMs: number): Promise<void> {
    const giveUp = Date.now() + limitMs;
    while (this.#underWay > 0) {
      if (Date.now() > giveUp) throw new Error(`${this.#underWay} requests were not answered within ${limitMs} ms`);
      await sleep(5);
    }
  }

  result(): LoadResult {
    const ms = (share: number) => this.#histogram.percentile(share) / 1000;
    return {
      requests: this.#histogram.count,
      windowMs: (this.#endedUs - this.#beganUs) / 1000,
      errors: this.#errors,
      failures: this.#failures,
      checked: this.#checked,
      differing: this.#differing,
      differingCount: this.#differingCount,
      p50Ms: ms(0.5),
      p90Ms: ms(0.9),
      p95Ms: ms(0.95),
      p99Ms: ms(0.99),
      maxMs: this.#histogram.longest / 1000,
      serverCpuMs: this.#serverCpuMs,
      driverCpuMs: (this.#driverCpu.user + this.#driverCpu.system) / 1000,
      beganUs: this.#beganUs,
      endedUs: this.#endedUs,
    };
  }

  #sendNext(again: boolean): void {
    const index = this.#cursor;
    this.#cursor = (index + 1) % this.#spec.ring.length;
    const checksum = this.#spec.checksums.get(index);
    const sentAt = performance.now();
    this.#underWay++;
    const done: Done = (failure, answer) => {
      this.#underWay--;
      if (failure !== undefined) this.#countFailure(failure);
      else if (this.#measuring) this.#histogram.record((performance.now() - sentAt) * 1000);
      if (answer !== undefined && checksum !== undefined) this.#check(index, checksum, answer);
      // After a failure a turn is waited for, so that a dead server does not keep the loop spinning.
      if (again && this.#sending)
        failure === undefined ? this.#sendNext(true) : setTimeout(() => this.#sendNext(true), 10);
    };
    this.#exchange.send(index, checksum !== undefined, done);
  }

  #sendByClock(perSecond: number): void {
    const start = performance.now();
    let sent = 0;
    const tick = () => {
      if (!this.#sending) return;
      const due = Math.floor(((performance.now() - start) * perSecond) / 1000);
      for (; sent < due; sent++) this.#sendNext(false);
      setTimeout(tick, 1);
    };
    tick();
  }

  #countFailure(failure: string): void {
    this.#errors++;
    const known = this.#failures.get(failure);
    if (known !== undefined || this.#failures.size < MAX_FAILURE_TEXTS) this.#failures.set(failure, (known ?? 0) + 1);
  }

  #check(index: number, checksum: number, answer: Buffer): void {
    this.#checked++;
    if (crc32(answer) === checksum) return;
    this.#differingCount++;
    this.#differing.set(index, Buffer.from(answer));
  }
}

function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
