import cliProgress from 'cli-progress';
import type { Io } from './io.ts';

/** Shows how far a file has come. */
export interface WriteProgress {
  /** Bytes that were read since the last call. */
  read(bytes: number): void;
  /** Rows that are done, in all. */
  done(rows: number): void;
  stop(): void;
}

export interface WriteProgressOptions {
  /** Size of the file in bytes; `undefined` where it is not known. */
  readonly size: number | undefined;
  /** Seconds between two lines where there is no terminal. */
  readonly intervalSeconds: number;
  /** `written`, or in a trial `checked`. */
  readonly verb: string;
}

/** A bar on a terminal, a line now and then elsewhere. Both go to standard error. */
export function createWriteProgress(io: Io, options: WriteProgressOptions): WriteProgress {
  return io.stderrIsTerminal && options.size !== undefined
    ? progressBar(options.size, options.verb)
    : progressLines(io, options);
}

function progressBar(size: number, verb: string): WriteProgress {
  const bar = new cliProgress.SingleBar({
    stream: process.stderr,
    format: `{bar} {percentage}%  {rows} rows ${verb}  {duration_formatted}`,
    clearOnComplete: true,
    hideCursor: true,
    barsize: 30,
    fps: 5,
  });
  let bytes = 0;
  let rows = 0;
  // A total of 0 has no percentage.
  bar.start(Math.max(size, 1), 0, { rows });
  return {
    read(count) {
      bytes += count;
      bar.update(bytes, { rows });
    },
    done(count) {
      rows = count;
      bar.update(bytes, { rows });
    },
    stop: () => bar.stop(),
  };
}

function progressLines(io: Io, { size, intervalSeconds, verb }: WriteProgressOptions): WriteProgress {
  let bytes = 0;
  let rows = 0;
  const timer = setInterval(() => {
    const share = size === undefined || size === 0 ? '' : ` (${Math.floor((bytes / size) * 100)} % of the file read)`;
    io.note(`${rows} rows ${verb}${share}`);
  }, intervalSeconds * 1000);
  return {
    read(count) {
      bytes += count;
    },
    done(count) {
      rows = count;
    },
    stop: () => clearInterval(timer),
  };
}
