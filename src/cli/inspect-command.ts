import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
export function addInspectCommand(program: Command, context: CommandContext): void {
  void context;
  program.command('inspect');
}
