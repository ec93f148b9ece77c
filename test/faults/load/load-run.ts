import { setTimeout as sleep } from 'node:timers/promises';
import { checkAnswer } from '../data/check-answer.ts';
import { type CallOutcome, GrpcCaller } from './grpc-caller.ts';
import { type LoadCounts, type LoadPace, type LoadResult, type LoadSpec, monotonicMs, SLOT_MS } from './load-spec.ts';
import { PhaseCounter } from './phase-counter.ts';

/** How long calls under way may take to end once the load is stopped. */
const DRAIN_MS = 5_000;
const WARM_UP_AT_A_TIME = 2;
const WARM_UP_LIMIT_MS = 15_000;
const NO_TIMES = { sent: 0, ok: 0, failed: 0, slowestMs: 0, answered: 0 };

type Slot = { -readonly [Key in keyof typeof NO_TIMES]: number };

/** Sends requests and judges every answer. */
export class LoadRun {
  readonly #spec: LoadSpec;
  readonly #caller: GrpcCaller;
  /** An answer to each request that was found to be right value by value: the same bytes again need no second look. */
  readonly #right: (Buffer | undefined)[];
  readonly #slots = new Map<number, Slot>();
  readonly #phases: PhaseCounter[] = [];
  readonly #counts = { sent: 0, ok: 0, failed: 0, wrong: 0, okInARow: 0 };
  #phase: PhaseCounter;
  #pace: LoadPace;
  /** Calls that the clock of an open load has asked for, since when. */
  #clock = { startMs: 0, sent: 0 };
  #ticking = false;
  #sending = false;
  #cursor = 0;
  #underWay = 0;
  #latestMs = 0;

  constructor(spec: LoadSpec) {
    this.#spec = spec;
    this.#pace = spec.pace;
    this.#right = Array.from({ length: spec.ring.length });
    this.#caller = new GrpcCaller({
      address: spec.address,
      connections: spec.connections,
      deadlineMs: spec.deadlineMs,
      giveUpMs: spec.giveUpMs ?? spec.deadlineMs + 2_000,
      metadata: spec.metadata ?? {},
    });
    this.#phase = new PhaseCounter('start', monotonicMs());
    this.#phases.push(this.#phase);
  }

  get counts(): LoadCounts {
    const earlier = this.#phases.reduce((sum, phase) => sum + (phase === this.#phase ? 0 : phase.underWay), 0);
    return { ...this.#counts, earlier };
  }

  async start(): Promise<void> {
    await this.#caller.open();
    this.#sending = true;
    if (this.#spec.warmUp === true) {
      const pace = this.#pace;
      this.setPace({ kind: 'closed', concurrency: WARM_UP_AT_A_TIME });
      const giveUp = monotonicMs() + WARM_UP_LIMIT_MS;
      while (this.#counts.ok < this.#right.length && monotonicMs() < giveUp) await sleep(5);
      this.setPace(pace);
      return;
    }
    this.setPace(this.#pace);
  }

  /** Calls sent from now on belong to another phase. */
  beginPhase(name: string): void {
    const now = monotonicMs();
    this.#phase.endedMs = now;
    this.#phase = new PhaseCounter(name, now);
    this.#phases.push(this.#phase);
  }

  setPace(pace: LoadPace): void {
    this.#pace = pace;
    this.#clock = { startMs: monotonicMs(), sent: 0 };
    if (pace.kind === 'closed') for (let n = 0; n < pace.concurrency; n++) this.#send(pace);
    else if (!this.#ticking) this.#tick();
  }

  async stop(): Promise<LoadResult> {
    this.#sending = false;
    this.#phase.endedMs = monotonicMs();
    const giveUp = monotonicMs() + (this.#spec.giveUpMs ?? this.#spec.deadlineMs) + DRAIN_MS;
    while (this.#underWay > 0 && monotonicMs() < giveUp) await sleep(5);
    const abandoned = this.#underWay;
    this.#caller.close();
    return {
      phases: this.#phases.map((phase) => phase.result(monotonicMs())),
      timeline: [...this.#slots].sort(([a], [b]) => a - b).map(([index, slot]) => ({ atMs: index * SLOT_MS, ...slot })),
      latestMs: this.#latestMs,
      abandoned,
    };
  }

  #tick(): void {
    const pace = this.#pace;
    if (!this.#sending || pace.kind !== 'open') {
      this.#ticking = false;
      return;
    }
    this.#ticking = true;
    const clock = this.#clock;
    const elapsed = monotonicMs() - clock.startMs;
    const due = Math.floor((elapsed * pace.perSecond) / 1000);
    if (due > clock.sent) {
      this.#latestMs = Math.max(this.#latestMs, elapsed - (clock.sent * 1000) / pace.perSecond);
      for (; clock.sent < due; clock.sent++) this.#send(pace);
    }
    setTimeout(() => this.#tick(), 1);
  }

  #send(pace: LoadPace): void {
    const index = this.#cursor;
    this.#cursor = (index + 1) % this.#spec.ring.length;
    const request = this.#spec.ring[index];
    if (request === undefined) throw new RangeError(`no request ${index}`);
    const phase = this.#phase;
    const sentAt = monotonicMs();
    phase.sent++;
    this.#counts.sent++;
    this.#slotAt(sentAt).sent++;
    this.#underWay++;
    this.#caller.call(request.bytes, (outcome) => {
      this.#underWay--;
      this.#judge(index, phase, sentAt, outcome);
      if (!this.#sending || pace.kind !== 'closed' || this.#pace !== pace) return;
      // After a failure a moment is waited, so that a server that is gone does not keep the loop spinning.
      if (outcome.code === 'OK') this.#send(pace);
      else setTimeout(() => this.#sending && this.#send(pace), 10);
    });
  }

  #judge(index: number, phase: PhaseCounter, sentAt: number, outcome: CallOutcome): void {
    const now = monotonicMs();
    const ms = now - sentAt;
    const slot = this.#slotAt(sentAt);
    slot.slowestMs = Math.max(slot.slowestMs, ms);
    if (outcome.message === undefined) {
      slot.failed++;
      this.#counts.failed++;
      this.#counts.okInARow = 0;
      phase.countFailure(ms, outcome.code, outcome.sideboardCode, outcome.text);
      return;
    }
    slot.ok++;
    this.#counts.ok++;
    this.#counts.okInARow++;
    this.#slotAt(now).answered++;
    phase.countOk(ms);
    if (this.#right[index]?.equals(outcome.message) === true) return;
    const request = this.#spec.ring[index];
    if (request === undefined) return;
    const versions = this.#spec.versions ?? { oldest: 1, newest: 1 };
    const { wrong, detail } = checkAnswer(request, outcome.message, versions);
    if (wrong === undefined) {
      this.#right[index] = outcome.message;
      return;
    }
    this.#counts.wrong++;
    phase.countWrong(wrong, detail ?? '');
  }

  #slotAt(ms: number): Slot {
    const index = Math.floor(ms / SLOT_MS);
    let slot = this.#slots.get(index);
    if (slot === undefined) {
      slot = { ...NO_TIMES };
      this.#slots.set(index, slot);
    }
    return slot;
  }
}
