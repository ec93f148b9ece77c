import { type Command, Option } from 'commander';
import type { CommandContext } from './command-context.ts';
import { addServingOptions, insecureAllowRemoteOption, type ServingOptions } from './serving-options.ts';

export interface ConnectorOptions extends ServingOptions {
  readonly address: string;
  readonly adminAddress: string;
  readonly insecureAllowRemote?: boolean;
}

export function addConnectorCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('connector')
    .summary("serve the online store by Feast's connector protocol")
    .description(
      "Serve the project's online store to other programs by Feast's protocol grpc.connector.OnlineStore, until SIGTERM or " +
        'SIGINT. Prints one line on standard output when it is ready; the log goes to standard error.',
    )
    .addOption(new Option('--address <address>', 'HOST:PORT or unix:/path to listen on').default('127.0.0.1:50061'))
    .addOption(
      new Option(
        '--admin-address <address>',
        'HOST:PORT or unix:/path where probes and metrics are served over HTTP, or off',
      )
        .env('SIDEBOARD_ADMIN_ADDRESS')
        .default('off'),
    );
  addServingOptions(command)
    .addOption(insecureAllowRemoteOption())
    .addHelpText(
      'after',
      `
Examples:
  $ sideboard connector --repo my_project
  $ sideboard connector --address unix:/run/sideboard/store.sock --admin-address 127.0.0.1:9091`,
    )
    .action(async (options: ConnectorOptions) => {
      const { connector } = await import('./connector.ts');
      await connector(options, context);
    });
}
