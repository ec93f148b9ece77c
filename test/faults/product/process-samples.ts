import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { residentMb } from '../../../bench/measure/process-cpu.ts';

/** What a process holds at a moment. */
export interface ProcessSample {
  /** By the monotonic clock, in milliseconds. */
  readonly atMs: number;
  readonly rssMb: number;
  /** Open file descriptors. */
  readonly fds: number;
  readonly sockets: number;
  readonly threads: number;
}

export function sampleProcess(pid: number): ProcessSample {
  const links = descriptorsOf(pid);
  const status = readText(`/proc/${pid}/status`);
  return {
    atMs: Number(process.hrtime.bigint() / 1000n) / 1000,
    rssMb: residentMb([pid]),
    fds: links.length,
    sockets: links.filter((link) => link.startsWith('socket:')).length,
    threads: Number(/^Threads:\s*(\d+)/m.exec(status)?.[1] ?? 0),
  };
}

/** Looks at a process again and again, until it is stopped. */
export interface ProcessSampler {
  readonly samples: readonly ProcessSample[];
  stop(): readonly ProcessSample[];
}

export function startSampler(pid: number, everyMs: number, cleanUp: (end: () => unknown) => void): ProcessSampler {
  const samples: ProcessSample[] = [sampleProcess(pid)];
  const timer = setInterval(() => samples.push(sampleProcess(pid)), everyMs);
  const stop = (): readonly ProcessSample[] => {
    clearInterval(timer);
    return samples;
  };
  cleanUp(stop);
  return { samples, stop };
}

/** By how many MB an hour the resident memory grows, as the line through all samples has it; 0 for fewer than two. */
export function rssSlopePerHour(samples: readonly ProcessSample[]): number {
  const hours = samples.map(({ atMs }) => atMs / 3_600_000);
  const meanHours = mean(hours);
  const meanMb = mean(samples.map(({ rssMb }) => rssMb));
  let over = 0;
  let under = 0;
  for (const [index, { rssMb }] of samples.entries()) {
    const distance = (hours[index] ?? 0) - meanHours;
    over += distance * (rssMb - meanMb);
    under += distance * distance;
  }
  return under === 0 ? 0 : over / under;
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function descriptorsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    try {
      return [readlinkSync(`${folder}/${name}`)];
    } catch {
      return [];
    }
  });
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
