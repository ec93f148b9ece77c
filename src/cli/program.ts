import { Command, type CommanderError, Option } from 'commander';
import { addApplyCommand } from './apply-command.ts';
import { CliError } from './cli-error.ts';
import type { CommandContext, GlobalOptions } from './command-context.ts';
import { addConnectorCommand } from './connector-command.ts';
import { addDefinitionsCommand } from './definitions-command.ts';
import { addDoctorCommand } from './doctor-command.ts';
import { addGetCommand } from './get-command.ts';
import { addIngestCommand } from './ingest-command.ts';
import { addInspectCommand } from './inspect-command.ts';
import type { Io } from './io.ts';
import { addMaterializeCommands } from './materialize-command.ts';
import { packageVersion } from './package-version.ts';
import { addServeCommand } from './serve-command.ts';
import { addTeardownCommand } from './teardown-command.ts';
import { addVersionCommand } from './version-command.ts';
import { addWriteCommand } from './write-command.ts';

const MAX_HELP_WIDTH = 100;

/**
 * The `sideboard` program with all its commands; parsing a command line runs the command.
 * @param exitWith told the exit code of a command that ends without an error, and yet not with 0
 */
export function createProgram(io: Io, exitWith: (code: number) => void): Command {
  const program = new Command('sideboard')
    .description('Serves the features of a Feast project from its online store over gRPC.')
    .version(packageVersion(), '-V, --version', 'print the version and exit')
    .helpOption('-h, --help', 'print this help and exit')
    .helpCommand('help [command]', 'print the help of a command')
    .addOption(new Option('--repo <dir>', 'folder that holds feature_store.yaml (default: the current folder)'))
    .addOption(new Option('--config <file>', 'the configuration file itself').conflicts('repo'))
    .option('--verbose', 'show stack traces and causes of errors')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => io.out(text.trimEnd()),
      // What commander says about a mistake arrives as an error too, and is printed like every other error.
      outputError: () => {},
      writeErr: () => {},
      getOutHelpWidth: () => (io.stdoutIsTerminal ? Math.min(io.columns, MAX_HELP_WIDTH) : MAX_HELP_WIDTH),
    })
    .exitOverride()
    .addHelpText(
      'after',
      `
Examples:
  $ sideboard doctor --repo my_project      is everything there that serving needs?
  $ sideboard serve --repo my_project       serve it on 127.0.0.1:50051
  $ sideboard inspect                       list views, services and entities
  $ sideboard get --features driver_stats:rating --entity driver_id=1001`,
    );
  const context: CommandContext = { io, globals: () => program.opts<GlobalOptions>(), exitWith };
  for (const add of [
    addServeCommand,
    addGetCommand,
    addInspectCommand,
    addDoctorCommand,
    addApplyCommand,
    addTeardownCommand,
    addWriteCommand,
    addIngestCommand,
    addMaterializeCommands,
    addDefinitionsCommand,
    addConnectorCommand,
    addVersionCommand,
  ]) {
    add(program, context);
  }
  return program;
}

/** What commander objects to, as an error of our own; `undefined` where it only stopped, having printed help or version. */
export function usageErrorFrom(error: CommanderError, program: Command): CliError | undefined {
  if (error.exitCode === 0) return undefined;
  // `help` with the name of no command.
  if (error.code === 'commander.help') {
    const hint = '"sideboard --help" lists the commands.';
    return new CliError('CLI_USAGE', `Unknown command '${program.args.at(-1) ?? ''}'.`, { hint, cause: error });
  }
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  const suggestion = rest.join(' ').trim();
  const command = program.args[0] !== undefined && program.commands.some((each) => each.name() === program.args[0]);
  const help = `"sideboard ${command ? `${program.args[0]} ` : ''}--help" shows what it takes.`;
  return new CliError('CLI_USAGE', `${sentence(first)}`, {
    hint: suggestion === '' ? help : `${sentence(suggestion.replace(/^\((.*)\)$/, '$1'))} ${help}`,
    cause: error,
  });
}

function sentence(text: string): string {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!]$/.test(start) ? start : `${start}.`;
}
