import { type Command, Option } from 'commander';
import type { EpochUnit } from '../encoding/timestamp.ts';
import { batchSizeOption, batchTimeoutOption, progressIntervalOption } from './batch-options.ts';
import { type CommandContext, wholeNumber } from './command-context.ts';

export interface MaterializeOptions {
  readonly views?: readonly string[];
  readonly maxBadRows: number;
  readonly rejectFile: string;
  readonly timestampUnit?: EpochUnit;
  readonly stateDir?: string;
  readonly batchSize: number;
  readonly timeout: number;
  readonly progressInterval: number;
  readonly dryRun?: boolean;
}

export function addMaterializeCommands(program: Command, context: CommandContext): void {
  const whole = program
    .command('materialize')
    .summary('load the newest rows of the views from their sources')
    .description(
      "Load the newest row of each entity from the views' sources (Parquet, CSV and JSON lines, local or in S3) into the " +
        'online store, of the event times from START to END, both included. Every row of the interval is checked before ' +
        'anything of its view is written. A run that was ended goes on where it stood when the same command is given again.',
    )
    .argument('<start>', 'RFC 3339, such as 2026-01-01T00:00:00Z; without a zone it is UTC')
    .argument('<end>', 'as <start>');
  withOptions(whole)
    .addHelpText(
      'after',
      `
Examples:
  $ sideboard materialize 2026-01-01T00:00:00Z 2026-02-01T00:00:00Z
  $ sideboard materialize 2026-01-01 2026-02-01 --views driver_stats,customer_profile --dry-run`,
    )
    .action(async (start: string, end: string, options: MaterializeOptions) => {
      const { materialize } = await import('./materialize.ts');
      await materialize({ start, end }, options, context);
    });

  const incremental = program
    .command('materialize-incremental')
    .summary('load what is newer than the last load of the views')
    .description(
      'As materialize, from where the last load of each view ended up to END. A view that was never loaded begins its ttl ' +
        'before now, or 52 weeks where it has none.',
    )
    .argument('<end>', 'RFC 3339, such as 2026-02-01T00:00:00Z; without a zone it is UTC');
  withOptions(incremental)
    .addHelpText(
      'after',
      `
Example:
  $ sideboard materialize-incremental $(date -u +%Y-%m-%dT%H:%M:%SZ)`,
    )
    .action(async (end: string, options: MaterializeOptions) => {
      const { materialize } = await import('./materialize.ts');
      await materialize({ end }, options, context);
    });
}

function withOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--views <names>',
        'views to load, by commas or given several times (default: all that are online)',
      ).argParser((text: string, before: readonly string[] = []) => [
        ...before,
        ...text.split(',').map((name) => name.trim()),
      ]),
    )
    .addOption(
      new Option('--max-bad-rows <n>', 'rows of a view that may be left out because they cannot be loaded')
        .argParser(wholeNumber(0, Number.MAX_SAFE_INTEGER))
        .default(0),
    )
    .option('--reject-file <file>', 'where rows that cannot be loaded are named, as JSON lines', 'rejected-rows.jsonl')
    .addOption(
      new Option('--timestamp-unit <unit>', 'what timestamps of CSV and JSON lines count that are numbers').choices([
        's',
        'ms',
        'us',
        'ns',
      ]),
    )
    .option('--state-dir <dir>', 'folder for what is under way (default: .sideboard/materialize in the repo)')
    .addOption(batchSizeOption(2000))
    .addOption(batchTimeoutOption())
    .addOption(progressIntervalOption())
    .option('--dry-run', 'read and check every row, and write nothing');
}
