import { crc32 } from 'node:zlib';
import { askOnce } from '../load/ask-once.ts';
import type { LoadDriver } from '../load/driver.ts';
import type { LoadResult, LoadSpec, Pace } from '../load/load-spec.ts';
import type { BenchRedis } from '../servers/redis.ts';
import type { RunningTarget } from '../servers/target.ts';
import { isRightAnswer } from '../workloads/expected-answer.ts';
import { type BenchRequest, requestRing, type Workload } from '../workloads/workload.ts';
import type { BenchOptions } from './bench-options.ts';

/** Distinct requests of a workload; fewer of large ones, which reach every entity sooner and take long to judge. */
const RING = 512;
const RING_OF_LARGE = 128;
const LARGE = 100;
/** One request in so many has its answer compared. */
const CHECK_EVERY = 64;
const PACED_CONNECTIONS = 8;

/** A target under a workload, ready to be measured: its answers have been judged once. */
export interface ReadyTarget {
  readonly workload: Workload;
  readonly requests: readonly BenchRequest[];
  readonly running: RunningTarget;
  readonly checksums: ReadonlyMap<number, number>;
}

export interface Measured {
  readonly result: LoadResult;
  /** Failed calls and wrong answers. */
  readonly errors: number;
  readonly redisCpuMs: number;
}

export interface MeasureOptions {
  readonly pace: Pace;
  readonly connections: number;
  readonly warmupMs: number;
  readonly measureMs: number;
}

export function ringOf(workload: Workload, { entities, askBy }: BenchOptions): readonly BenchRequest[] {
  return requestRing(workload, entities, workload.entities < LARGE ? RING : RING_OF_LARGE, askBy);
}

/**
 * Asks the requests that will be sampled once each, decodes the answers and compares what they say with what was written.
 * @throws Error naming the target and the first request with a wrong answer
 */
export async function readyTarget(
  name: string,
  running: RunningTarget,
  workload: Workload,
  requests: readonly BenchRequest[],
): Promise<ReadyTarget> {
  const sampled = requests.map((_, index) => index).filter((index) => index % CHECK_EVERY === 0);
  const { answers } = running;
  if (answers === 'unseen') return { workload, requests, running, checksums: new Map() };
  if (answers !== 'meaning') {
    const checksum = crc32(answers.bytes);
    return { workload, requests, running, checksums: new Map(sampled.map((index) => [index, checksum])) };
  }
  const received = await askOnce(
    running.endpoint,
    sampled.map((index) => requests[index]?.bytes ?? new Uint8Array()),
  );
  const checksums = new Map<number, number>();
  for (const [at, index] of sampled.entries()) {
    const answer = received[at] ?? new Uint8Array();
    if (!isRightAnswer(workload, requests[index]?.entities ?? [], answer)) {
      throw new Error(`${name} gives a wrong answer to request ${index} of ${workload.name}`);
    }
    checksums.set(index, crc32(answer));
  }
  return { workload, requests, running, checksums };
}

export async function measure(
  driver: LoadDriver,
  redis: BenchRedis,
  target: ReadyTarget,
  options: MeasureOptions,
): Promise<Measured> {
  const { running, requests, workload, checksums } = target;
  const spec: LoadSpec = {
    endpoint: running.endpoint,
    ring: running.ring ?? requests.map(({ bytes }) => bytes),
    pids: running.pids(),
    checksums,
    ...options,
    connections: running.endpoint.kind === 'resp' ? redisConnections(options.pace) : options.connections,
  };
  const cpu: Promise<number>[] = [];
  const sample = () => cpu.push(redis.cpuMs());
  const result = await driver.run(spec, { onOpen: sample, onClose: sample });
  const [before = 0, after = 0] = await Promise.all(cpu);
  return { result, errors: result.errors + wrongAnswers(result, workload, requests), redisCpuMs: after - before };
}

/**
 * One per request under way, as clients of a pool have them. Over a single connection Redis would read many requests at once
 * and spend less on each of them.
 */
function redisConnections(pace: Pace): number {
  return pace.kind === 'closed' ? pace.concurrency : PACED_CONNECTIONS;
}

/** Other bytes may say the same: a server may order its columns anew. */
function wrongAnswers(result: LoadResult, workload: Workload, requests: readonly BenchRequest[]): number {
  const allRight = [...result.differing].every(([index, bytes]) =>
    isRightAnswer(workload, requests[index]?.entities ?? [], bytes),
  );
  return allRight ? 0 : result.differingCount;
}
