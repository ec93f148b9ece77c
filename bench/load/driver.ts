import { fork } from 'node:child_process';
import { once } from 'node:events';
import { nodeEntry } from '../node-entry.ts';
import type { DriverMessage } from './driver-process.ts';
import type { LoadResult, LoadSpec } from './load-spec.ts';
import type { WindowEvents } from './run-load.ts';

/** The load driver in a process of its own, so that the CPU it spends is not the server's and not the report's. */
export interface LoadDriver {
  /** One measurement at a time. @throws Error the server could not be reached or stopped answering */
  run(spec: LoadSpec, events?: WindowEvents): Promise<LoadResult>;
  close(): Promise<void>;
}

export function startLoadDriver(): LoadDriver {
  const entry = nodeEntry(new URL('./driver-process.ts', import.meta.url));
  const child = fork(entry.file, { execArgv: [...entry.execArgv], serialization: 'advanced' });
  return {
    run(spec, events = {}) {
      return new Promise((resolve, reject) => {
        const ended = (code: number | null) =>
          settle(() => reject(new Error(`the load driver ended with status ${code}`)));
        const settle = (finish: () => void) => {
          child.off('message', hear);
          child.off('exit', ended);
          finish();
        };
        const hear = (message: DriverMessage) => {
          if (message.kind === 'window-open') events.onOpen?.();
          else if (message.kind === 'window-closed') events.onClose?.();
          else if (message.kind === 'result') settle(() => resolve(message.result));
          else settle(() => reject(new Error(message.reason)));
        };
        child.on('message', hear);
        child.on('exit', ended);
        child.send(spec);
      });
    },
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}
