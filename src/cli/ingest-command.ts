import { type Command, Option } from 'commander';
import type { EpochUnit } from '../encoding/timestamp.ts';
import { addRowOptions, batchSizeOption, batchTimeoutOption } from './batch-options.ts';
import { type CommandContext, wholeNumber } from './command-context.ts';

export interface IngestOptions {
  readonly viewField?: string;
  readonly timestampField: string;
  readonly createdField?: string;
  readonly timestampUnit?: EpochUnit;
  readonly missingAsNull?: boolean;
  readonly ack: 'batches' | 'lines';
  readonly ackField: readonly string[];
  readonly batchSize: number;
  readonly flushMs: number;
  readonly inFlight: number;
  readonly timeout: number;
  readonly giveUpAfter: number;
  readonly maxBadRows: number;
  readonly rejectFile?: string;
}

export function addIngestCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('ingest')
    .summary('write rows from standard input as they come, and acknowledge them')
    .description(
      'Write rows from standard input, as JSON lines, into the online store as they come. A line is acknowledged on standard ' +
        'output when it is stored, never before; acknowledgements come in the order of the lines. An older row never takes the ' +
        'place of a newer one. At the end of the input, and on SIGTERM or SIGINT, what was read is stored and acknowledged.',
    )
    .argument('[view]', 'feature view that all rows belong to')
    .option('--view-field <member>', 'member of each line that names its feature view, in place of <view>');
  addRowOptions(command)
    .addOption(
      new Option('--ack <what>', 'an acknowledgement per batch, through its last line, or one per line')
        .choices(['batches', 'lines'])
        .default('batches'),
    )
    .addOption(
      new Option(
        '--ack-field <member>',
        'member of a line that its acknowledgement repeats; may be given several times',
      )
        .argParser((name: string, before: readonly string[]) => [...before, name])
        .default([], 'none'),
    )
    .addOption(batchSizeOption(1000))
    .addOption(
      new Option('--flush-ms <ms>', 'how long a row waits for others of its batch')
        .argParser(wholeNumber(0, 3_600_000))
        .default(200),
    )
    .addOption(
      new Option('--in-flight <batches>', 'batches that are written at a time')
        .argParser(wholeNumber(1, 64))
        .default(4),
    )
    .addOption(batchTimeoutOption())
    .addOption(
      new Option('--give-up-after <seconds>', 'how long a batch is tried again while the store does not answer')
        .argParser(wholeNumber(0, 1_000_000))
        .default(300),
    )
    .addOption(
      new Option(
        '--max-bad-rows <n>',
        'lines that may be left out because they cannot be written; one more ends the work',
      )
        .argParser(wholeNumber(0, Number.MAX_SAFE_INTEGER))
        .default(0),
    )
    .option('--reject-file <file>', 'where lines that are left out are named, as JSON lines (default: standard error)')
    .addHelpText(
      'after',
      `
Examples:
  $ tail -F rows.jsonl | sideboard ingest driver_stats
  {"through":1000,"rows":1000}
  $ consume | sideboard ingest driver_stats --ack lines --ack-field partition --ack-field offset | commit

A row:
  {"driver_id": 1001, "rating": 4.9, "trips": 12, "event_timestamp": "2026-01-10T08:00:00Z"}`,
    )
    .action(async (view: string | undefined, options: IngestOptions) => {
      const { ingest } = await import('./ingest.ts');
      await ingest(view, options, context);
    });
}
