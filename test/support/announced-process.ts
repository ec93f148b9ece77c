import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { collect } from './sideboard-process.ts';

const READY_WITHIN_MS = 60_000;

export interface AnnouncedProcess {
  /** The line that said where it listens, taken apart by the pattern. */
  readonly announced: RegExpExecArray;
  output(): string;
  /** Asks it to stop. @returns its exit status, or none where the signal ended it */
  stop(): Promise<number | null>;
}

/** Waits until a process prints on standard output that it is ready; ends it where it does not. */
export async function untilAnnounced(child: ChildProcess, pattern: RegExp): Promise<AnnouncedProcess> {
  const out = collect(child);
  const output = (): string => out.stdout() + out.stderr();
  const closed = once(child, 'close') as Promise<[number | null]>;
  let ended = false;
  const end = (): void => {
    ended = true;
  };
  closed.then(end, end);
  const giveUp = Date.now() + READY_WITHIN_MS;
  for (;;) {
    const announced = pattern.exec(out.stdout());
    if (announced !== null) {
      const stop = async (): Promise<number | null> => {
        child.kill('SIGTERM');
        const [status] = await closed;
        return status;
      };
      return { announced, output, stop };
    }
    if (ended || Date.now() > giveUp) {
      child.kill('SIGKILL');
      throw new Error(`The process did not become ready:\n${output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
