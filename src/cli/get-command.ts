import { type Command, Option } from 'commander';
import { type CommandContext, wholeNumber } from './command-context.ts';

export interface GetOptions {
  readonly features?: readonly string[];
  readonly service?: string;
  readonly entity: readonly string[];
  readonly entities?: string;
  readonly fullFeatureNames?: boolean;
  readonly json?: boolean;
  readonly timeout?: number;
}

export function addGetCommand(program: Command, context: CommandContext): void {
  program
    .command('get')
    .summary('read features for entities')
    .description(
      'Read features for entities from the online store, as `serve` would answer. Entity values are typed by the registry.',
    )
    .addOption(
      new Option('--features <refs>', 'view:feature references, separated by commas; may be repeated').argParser(
        (text: string, before: readonly string[] = []) => [...before, ...splitList(text)],
      ),
    )
    .addOption(new Option('--service <name>', 'a feature service instead of single features').conflicts('features'))
    .addOption(
      new Option('--entity <name=values>', 'a join key and its values, separated by commas; may be repeated')
        .argParser((text: string, before: readonly string[]) => [...before, text])
        .default([], 'none'),
    )
    .addOption(
      new Option(
        '--entities <file>',
        'JSON with the entities: {"driver_id": [1001, 1002]} or [{"driver_id": 1001}, …]; - reads standard input',
      ),
    )
    .option('--full-feature-names', 'name columns view__feature')
    .option('--json', "print the answer as Feast's HTTP server would")
    .addOption(
      new Option('--timeout <ms>', 'how long to wait (default: sideboard.grpc.default_deadline_ms)').argParser(
        wholeNumber(1, 3_600_000),
      ),
    )
    .addHelpText(
      'after',
      `
Examples:
  $ sideboard get --features driver_stats:rating,driver_stats:trips --entity driver_id=1001,1002
  $ sideboard get --service ranking --entity driver_id=1001 --entity zone=north --json
  $ sideboard get --service ranking --entities entities.json --full-feature-names`,
    )
    .action(async (options: GetOptions) => {
      const { get } = await import('./get.ts');
      await get(options, context);
    });
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
