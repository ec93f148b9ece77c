import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { exampleCommands, layOutExample, layOutExampleSources } from '../support/example-project.ts';
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
    await layOutExample(repo);
    server = await startSideboard(repo);
  });

  after(async () => {
    await server?.stop();
    rmSync(repo, { recursive: true, force: true });
  });

  it('shows what grpcurl answers', async () => {
    const [{ command, output }] = examplesOf('grpcurl -plaintext');
    assert.equal(withoutSpaces(await shell(command)), withoutSpaces(output));
  });

  it('shows the Node client as it stands in examples', () => {
    const [, code] = /```js\n(.*?)```/s.exec(readme) ?? [];
    assert.equal(code, readFileSync(join(projectRoot, 'examples/clients/node/get-features.mjs'), 'utf8'));
  });

  it('shows what the Node client prints', async () => {
    const [{ command, output }] = examplesOf('node examples/clients/node/get-features.mjs');
    assert.equal(await shell(`${command} ${DOCUMENTED_ADDRESS}`), output);
  });

  it('shows the commands by which make serve makes the example, and what they print', async () => {
    const examples = examplesOf('node dist/main.js apply');
    const words = examples.map(({ command }) => command.replace(/^node \S+ /, '').replace(/ \| .*$/, ''));
    assert.deepEqual(
      words,
      exampleCommands().map((command) => command.join(' ')),
    );
    const fresh = mkdtempSync(join(tmpdir(), 'sideboard-readme-'));
    try {
      layOutExampleSources(fresh);
      for (const { command, output } of examples) {
        assert.equal(withoutRates(await shell(command, fresh)), withoutRates(output), command);
      }
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  });

  it('shows how newer rows are pushed and piped, and that they are read', async () => {
    const examples = examplesOf('grpcurl -plaintext -import-path proto -proto feast/serving/GrpcServer.proto');
    assert.equal(examples.length, 3);
    for (const { command, output } of examples) {
      assert.equal(withoutSpaces(await shell(command)), withoutSpaces(output), command);
    }
  });

  /** The console block that starts with such a command, split into its commands and what is shown below each. */
  function examplesOf(start: string): [Example, ...Example[]] {
    const block = readme
      .split('```console\n')
      .slice(1)
      .map((rest) => rest.slice(0, rest.indexOf('```')))
      .find((text) => text.startsWith(`$ ${start}`));
    assert.ok(block !== undefined, `README.md shows no "${start}"`);
    const [first = '', ...others] = block.replace('$ ', '').split('\n$ ');
    return [exampleFrom(first), ...others.map(exampleFrom)];
  }

  /** Runs a command of the page at the top of the repository, with the server's address and a project in place of its own. */
  async function shell(command: string, project = repo): Promise<string> {
    const PATH = `${join(projectRoot, '.tools/bin')}${delimiter}${process.env.PATH}`;
    const text = command
      .replaceAll(DOCUMENTED_ADDRESS, server.address)
      .replaceAll(/(node dist\/main\.js)/g, `$1 --repo ${project}`);
    const { stdout } = await execute('bash', ['-c', text], { cwd: projectRoot, env: { ...process.env, PATH } });
    return stdout;
  }
});

interface Example {
  readonly command: string;
  readonly output: string;
}

function exampleFrom(text: string): Example {
  const lines = text.split('\n');
  let length = 1;
  while (!isComplete(lines.slice(0, length).join('\n'))) length += 1;
  const output = lines.slice(length).join('\n');
  return { command: lines.slice(0, length).join('\n'), output: output.endsWith('\n') ? output : `${output}\n` };
}

const execute = promisify(execFile);

/** A shell command ends where no quote is open and no line continues. */
function isComplete(command: string): boolean {
  return !command.endsWith('\\') && (command.match(/'/g) ?? []).length % 2 === 0;
}

// grpcurl varies the white space of its JSON on purpose.
function withoutSpaces(text: string): string {
  return text.replaceAll(/\s/g, '');
}

function withoutRates(text: string): string {
  return text.replaceAll(/[\d.]+ s, \d+ rows\/s/g, '');
}
