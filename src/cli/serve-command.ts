import { type Command, Option } from 'commander';
import { holdYoungSpace } from '../operations/young-space.ts';
import { type CommandContext, wholeNumber } from './command-context.ts';
import { addServingOptions, insecureAllowRemoteOption, type ServingOptions } from './serving-options.ts';

export interface ServeOptions extends ServingOptions {
  readonly grpcAddress?: string;
  readonly adminAddress?: string;
  readonly workers?: number;
  readonly insecureAllowRemote?: boolean;
}

export function addServeCommand(program: Command, context: CommandContext): void {
  const command = program
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
        '--admin-address <address>',
        'where probes and metrics are served over HTTP, or off (default: sideboard.admin.address, which is ' +
          '127.0.0.1:9090 unless set)',
      ).env('SIDEBOARD_ADMIN_ADDRESS'),
    )
    .addOption(
      new Option(
        '--workers <count>',
        'processes that serve and share the address (default: sideboard.workers, which is 1 unless set)',
      ).argParser(wholeNumber(1, 64)),
    );
  addServingOptions(command)
    .addOption(insecureAllowRemoteOption())
    .addHelpText(
      'after',
      `
Examples:
  $ sideboard serve --repo my_project
  $ sideboard serve --grpc-address 127.0.0.1:6565 --log-level debug
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
