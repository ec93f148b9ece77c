import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '../support/project-root.ts';
import { type ServingProcess, startSideboard } from '../support/sideboard-process.ts';

const DOCUMENTED_ADDRESS = '127.0.0.1:50051';

describe('README.md', function () {
  this.timeout(120_000);

  const readme = readFileSync(join(projectRoot, 'README.md'), 'utf8');
  let repo: string;
  let server: ServingProcess;

  before(async () => {
    await execute(join(projectRoot, 'scripts/setup-grpcurl.sh'));
    repo = mkdtempSync(join(tmpdir(), 'sideboard-readme-'));
    for (const part of ['feature_store.yaml', 'examples/driver_stats']) {
      cpSync(join(projectRoot, part), join(repo, part), { recursive: true });
    }
    server = await startSideboard(repo);
  });

  after(async () => {
    await server?.stop();
    rmSync(repo, { recursive: true, force: true });
  });

  it('shows what grpcurl answers', async () => {
    const { command, output } = exampleOf('grpcurl');
    assert.equal(withoutSpaces(await shell(command)), withoutSpaces(output));
  });

  it('shows the Node client as it stands in examples', () => {
    const [, code] = /```js\n(.*?)```/s.exec(readme) ?? [];
    assert.equal(code, readFileSync(join(projectRoot, 'examples/clients/node/get-features.mjs'), 'utf8'));
  });

  it('shows what the Node client prints', async () => {
    const { command, output } = exampleOf('node examples/clients/node/get-features.mjs');
    assert.equal(await shell(`${command} ${DOCUMENTED_ADDRESS}`), output);
  });

  /** The console block whose command starts like this, split into the command and what is shown below it. */
  function exampleOf(start: string): { readonly command: string; readonly output: string } {
    const block = readme
      .split('```console\n$ ')
      .slice(1)
      .map((rest) => rest.slice(0, rest.indexOf('```')))
      .find((text) => text.startsWith(start));
    assert.ok(block !== undefined, `README.md shows no "${start}"`);
    const lines = block.split('\n');
    let length = 1;
    while (!isComplete(lines.slice(0, length).join('\n'))) length += 1;
    return { command: lines.slice(0, length).join('\n'), output: lines.slice(length).join('\n') };
  }

  async function shell(command: string): Promise<string> {
    const PATH = `${join(projectRoot, '.tools/bin')}${delimiter}${process.env.PATH}`;
    const text = command.replaceAll(DOCUMENTED_ADDRESS, server.address);
    const { stdout } = await execute('bash', ['-c', text], { cwd: projectRoot, env: { ...process.env, PATH } });
    return stdout;
  }
});

const execute = promisify(execFile);

/** A shell command ends where no quote is open and no line continues. */
function isComplete(command: string): boolean {
  return !command.endsWith('\\') && (command.match(/'/g) ?? []).length % 2 === 0;
}

// grpcurl varies the white space of its JSON on purpose.
function withoutSpaces(text: string): string {
  return text.replaceAll(/\s/g, '');
}
