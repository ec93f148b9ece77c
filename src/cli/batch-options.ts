import { type Command, Option } from 'commander';
import { wholeNumber } from './command-context.ts';

/** Options of commands that read rows as text: where their times stand, and what a feature that is not there means. */
export function addRowOptions(command: Command): Command {
  return command
    .option('--timestamp-field <column>', 'column with the event timestamp', 'event_timestamp')
    .option('--created-field <column>', 'column with the created timestamp, if there is one')
    .addOption(
      new Option(
        '--timestamp-unit <unit>',
        'what timestamps count that are numbers; without it numbers are refused',
      ).choices(['s', 'ms', 'us', 'ns']),
    )
    .option('--missing-as-null', 'store a null for features that a row does not have, instead of refusing it');
}

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
