import { Option } from 'commander';
import { wholeNumber } from './command-context.ts';

/** Options of commands that write many rows, batch by batch. */
export function batchSizeOption(rows: number): Option {
  return new Option('--batch-size <rows>', 'rows of one batch').argParser(wholeNumber(1, 100_000)).default(rows);
}

export function batchTimeoutOption(): Option {
  return new Option('--timeout <ms>', 'how long the store may take for one batch')
    .argParser(wholeNumber(1, 3_600_000))
    .default(60_000);
}

export function progressIntervalOption(): Option {
  return new Option('--progress-interval <seconds>', 'time between two lines of progress where there is no terminal')
    .argParser(wholeNumber(1, 3600))
    .default(10);
}
