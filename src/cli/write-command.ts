import { type Command, Option } from 'commander';
import type { EpochUnit } from '../encoding/timestamp.ts';
import type { RowFormat } from '../ingest/record.ts';
import { addRowOptions, batchSizeOption, batchTimeoutOption, progressIntervalOption } from './batch-options.ts';
import type { CommandContext } from './command-context.ts';

export interface WriteOptions {
  readonly format?: RowFormat;
  readonly timestampField: string;
  readonly createdField?: string;
  readonly timestampUnit?: EpochUnit;
  readonly missingAsNull?: boolean;
  readonly newestOnly?: boolean;
  readonly batchSize: number;
  readonly timeout: number;
  readonly progressInterval: number;
  readonly dryRun?: boolean;
}

export function addWriteCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('write')
    .summary('write rows of a file into the online store')
    .description(
      'Write rows of a file into the online store, typed by the registry. Rows name join keys, features and event ' +
        'timestamp. A batch with a bad row is not written, and nothing behind it is; the bad rows are named by line ' +
        'and column.',
    )
    .argument('<view>', 'feature view that the rows belong to')
    .argument('<file>', 'JSON lines (.jsonl, .ndjson) or CSV (.csv); - reads standard input')
    .addOption(
      new Option('--format <format>', 'how the rows are written (default: by the name of the file)').choices([
        'jsonl',
        'csv',
      ]),
    );
  addRowOptions(command)
    .option(
      '--newest-only',
      'leave out rows that are older than the stored ones (default: what Feast does for the store)',
    )
    .addOption(batchSizeOption(1000))
    .addOption(batchTimeoutOption())
    .addOption(progressIntervalOption())
    .option('--dry-run', 'read and check every row, and write nothing')
    .addHelpText(
      'after',
      `
Examples:
  $ sideboard write driver_stats rows.jsonl
  $ sideboard write driver_stats rows.csv --created-field created --dry-run
  $ zcat rows.jsonl.gz | sideboard write driver_stats - --format jsonl

A row in JSON lines:
  {"driver_id": 1001, "rating": 4.9, "trips": 12, "event_timestamp": "2026-01-10T08:00:00Z"}`,
    )
    .action(async (view: string, file: string, options: WriteOptions) => {
      const { write } = await import('./write.ts');
      await write(view, file, options, context);
    });
}
