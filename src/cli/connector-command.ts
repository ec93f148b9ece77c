import { type Command, Option } from 'commander';
import type { LogFormat, LogLevel } from '../operations/logger.ts';
import { type CommandContext, wholeNumber } from './command-context.ts';

export interface ConnectorOptions {
  readonly address: string;
  readonly shutdownTimeout: number;
  readonly logLevel?: LogLevel;
  readonly logFormat?: LogFormat;
}

export function addConnectorCommand(program: Command, context: CommandContext): void {
  program
    .command('connector')
    .summary("serve the online store by Feast's connector protocol")
    .description(
      "Serve the project's online store to other programs by Feast's protocol grpc.connector.OnlineStore, until SIGTERM or " +
        'SIGINT. Prints one line on standard output when it is ready; the log goes to standard error.',
    )
    .addOption(new Option('--address <address>', 'HOST:PORT or unix:/path to listen on').default('127.0.0.1:50061'))
    .addOption(
      new Option('--shutdown-timeout <seconds>', 'how long calls under way may take to finish when it is told to stop')
        .argParser(wholeNumber(0, 3600))
        .default(10),
    )
    .addOption(
      new Option('--log-level <level>', 'what to log (default: sideboard.log.level, which is info unless set)')
        .choices(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
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
  $ sideboard connector --repo my_project
  $ sideboard connector --address unix:/run/sideboard/store.sock`,
    )
    .action(async (options: ConnectorOptions) => {
      const { connector } = await import('./connector.ts');
      await connector(options, context);
    });
}
