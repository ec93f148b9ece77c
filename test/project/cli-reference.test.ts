import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { runCli } from '../support/cli-run.ts';
import { projectRoot } from '../support/project-root.ts';

describe('docs/reference/cli.md', () => {
  const page = readFileSync(join(projectRoot, 'docs/reference/cli.md'), 'utf8');

  /** The first help text behind a heading. */
  function helpBehind(heading: string): string | undefined {
    const start = page.indexOf(`\n${heading}\n`);
    return start < 0 ? undefined : /```text\n(Usage: .*?)```\n/s.exec(page.slice(start))?.[1];
  }

  it('shows the help of the program', async () => {
    const { stdout, status } = await runCli(['--help']);
    assert.equal(status, 0);
    assert.equal(/```text\n(Usage: .*?)```\n/s.exec(page)?.[1], stdout);
    assert.equal((await runCli([])).stdout, stdout);
  });

  it('shows the help of every command, with examples', async () => {
    const { stdout } = await runCli(['--help']);
    const list = /\nCommands:\n(.*?)\n\n/s.exec(stdout)?.[1] ?? '';
    const commands = [...list.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name ?? '').filter((name) => name !== 'help');
    assert.ok(commands.length >= 8, list);
    for (const command of commands) {
      const help = await runCli([command, '--help']);
      assert.equal(help.status, 0);
      assert.equal(helpBehind(`## sideboard ${command}`), help.stdout, command);
      assert.match(help.stdout, /\nExamples:\n {2}\$ .*sideboard /, command);
    }
  });

  it('lists every exit code', () => {
    const rows = [...page.matchAll(/^\| (\d+) \| (.+) \|$/gm)].map(([, code, summary]) => ({
      code: Number(code),
      summary,
    }));
    assert.deepEqual(rows, Object.values(exitCodes));
  });
});
