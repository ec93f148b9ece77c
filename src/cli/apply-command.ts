import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
export function addApplyCommand(program: Command, context: CommandContext): void {
  void context;
  program.command('apply');
}
