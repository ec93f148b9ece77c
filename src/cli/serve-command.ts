import { type Command, Option } from 'commander';
import type { LogFormat, LogLevel } from '../operations/logger.ts';
import { holdYoungSpace } from '../operations/young-space.ts';
import { type CommandContext, wholeNumber } from './command-context.ts';

/** As {@link logLevels}; repeated here because the log library is loaded by `serve` alone. */
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

export interface ServeOptions {
  readonly grpcAddress?: string;
  readonly workers?: number;
  readonly shutdownTimeout: number;
  readonly logLevel?: LogLevel;
  readonly logFormat?: LogFormat;
}

export function addServeCommand(program: Command, context: CommandContext): void {
  program
    .command('serve')
    .summary('serve the project over gRPC')
    .description(
      'Serve the project over gRPC until SIGTERM or SIGINT. Prints one line on standard output when it is ready; the log ' +
        'goes to standard error.',
    )
    .addOption(
      new Option(
        '--grpc-address <address>',
        'HOST:PORT or unix:/path to listen on (default: sideboard.grpc.address, which is 127.0.0.1:50051 unless set)',
      ),
    )
    .addOption(
      new Option(
        '--workers <count>',
        'processes that serve and share the address (default: sideboard.workers, which is 1 unless set)',
      ).argParser(wholeNumber(1, 64)),
    )
    .addOption(
      new Option('--shutdown-timeout <seconds>', 'how long calls under way may take to finish when it is told to stop')
        .argParser(wholeNumber(0, 3600))
        .default(10),
    )
    .addOption(
      new Option('--log-level <level>', 'what to log (default: sideboard.log.level, which is info unless set)')
        .choices(LEVELS)
        .env('SIDEBOARD_LOG_LEVEL'),
    )
    .addOption(
      new Option(
        '--log-format <format>',
        'auto is pretty on a terminal and json elsewhere (default: sideboard.log.format)',
      )
        .choices(['auto', 'json', 'pretty'])
        .env('SIDEBOARD_LOG_FORMAT'),
    )
    .addHelpText(
      'after',
      `
Examples:
  $ sideboard serve --repo my_project
  $ sideboard serve --grpc-address 0.0.0.0:6565 --log-level debug
  $ sideboard serve --workers 4
  $ sideboard serve --grpc-address unix:/run/sideboard/grpc.sock`,
    )
    .action(async (options: ServeOptions) => {
      const letGrow = holdYoungSpace();
      try {
        const { serve } = await import('./serve.ts');
        await serve(options, context, letGrow);
      } finally {
        letGrow();
      }
    });
}
