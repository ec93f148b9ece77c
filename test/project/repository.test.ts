import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { projectRoot } from '../support/project-root.ts';

interface LockedPackage {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Manifest {
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly scripts: Readonly<Record<string, string>>;
}

const manifest: Manifest = JSON.parse(read('package.json'));

describe('package-lock.json', () => {
  const text = read('package-lock.json');
  const { packages }: { packages: Readonly<Record<string, LockedPackage>> } = JSON.parse(text);

  it('names no registry: whatever registry npm is set to may install it', () => {
    assert.deepEqual(
      Object.entries(packages).filter(([, { resolved }]) => resolved !== undefined),
      [],
    );
    assert.doesNotMatch(text, /"https?:\/\/[^"]*\.tgz"/);
  });

  // npm leaves out what the registry in use does not carry, and `npm ci` then refuses the file.
  it('holds the optional packages of every platform', () => {
    const missing = Object.entries(packages).flatMap(([holder, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) =>
          packages[`node_modules/${name}`] === undefined && packages[`${holder}/node_modules/${name}`] === undefined,
      ),
    );
    assert.deepEqual(missing, []);
  });
});

const files = execFileSync('git', ['-c', 'safe.directory=*', 'ls-files', '-z'], { cwd: projectRoot, encoding: 'utf8' })
  .split('\0')
  .filter((file) => file !== '' && existsSync(join(projectRoot, file)));

describe('tracked files', () => {
  it('name no path of a machine, recorded data apart', () => {
    const machinePath = /(?<![\w.~}-])\/(?:work|root|home)\/\w/;
    const offenders = files
      .filter((file) => !file.startsWith('test/golden/') && file !== 'test/project/repository.test.ts')
      .filter((file) => machinePath.test(readFileSync(join(projectRoot, file), 'latin1')));
    assert.deepEqual(offenders, []);
  });

  it('hold nothing that is built or installed', () => {
    const offenders = files.filter((file) => /(^|\/)(node_modules|dist|build|__pycache__|\.venv|\.tools)\//.test(file));
    assert.deepEqual(offenders, []);
  });

  it('are small enough to be cloned by everybody: under 2 MiB each', () => {
    assert.deepEqual(
      files.filter((file) => statSync(join(projectRoot, file)).size > 2 * 1024 * 1024),
      [],
    );
  });
});

describe('package.json', () => {
  it('points at files that the build makes', () => {
    const targets = [
      ...Object.values(manifest.bin),
      ...Object.values(manifest.exports).flatMap((target) =>
        typeof target === 'string' ? [target] : Object.values(target),
      ),
    ];
    assert.deepEqual(
      targets.filter((target) => !existsSync(join(projectRoot, target))),
      [],
    );
  });

  it('has a program that starts by itself', () => {
    for (const target of Object.values(manifest.bin)) {
      const file = join(projectRoot, target);
      assert.ok(readFileSync(file, 'utf8').startsWith('#!/usr/bin/env node\n'), target);
      assert.match(execFileSync(process.execPath, [file, '--help'], { encoding: 'utf8' }), /Usage: sideboard/);
    }
  });
});

describe('what the documents tell a reader to run', () => {
  const makefile = read('Makefile');
  const documents = files.filter((file) => file.endsWith('.md') && !file.startsWith('test/'));

  for (const document of documents) {
    const commands = consoleCommands(read(document));

    it(`${document}: every make target exists`, () => {
      const targets = commands.flatMap((command) => /^make (\w+)/.exec(command)?.[1] ?? []);
      assert.deepEqual(
        targets.filter((target) => !new RegExp(`^${target}:`, 'm').test(makefile)),
        [],
      );
    });

    it(`${document}: every npm script exists`, () => {
      const scripts = commands.flatMap((command) => /^npm run ([\w:]+)/.exec(command)?.[1] ?? []);
      assert.deepEqual(
        scripts.filter((script) => manifest.scripts[script] === undefined),
        [],
      );
    });

    it(`${document}: every file that is run or linked to exists`, () => {
      const run = commands.flatMap(
        (command) => /^(?:node |\S*python )?((?:scripts|examples)\/\S+)/.exec(command)?.[1] ?? [],
      );
      const folder = join(projectRoot, document, '..');
      const linked = [...read(document).matchAll(/\]\(([^):#]+)(?:#[^)]*)?\)/g)].map(([, target]) => target ?? '');
      assert.deepEqual(
        [...run.map((file) => join(projectRoot, file)), ...linked.map((file) => join(folder, file))].filter(
          (file) => !existsSync(file),
        ),
        [],
      );
    });
  }

  it('every document but the README is linked to from another one', () => {
    const linked = new Set(
      documents.flatMap((document) =>
        [...read(document).matchAll(/\]\(([^):#]+)(?:#[^)]*)?\)/g)]
          .map(([, target = '']) => join(dirname(document), target))
          // A link to a folder shows what is written there.
          .flatMap((target) => [target, join(target, 'README.md')]),
      ),
    );
    assert.deepEqual(
      documents.filter((document) => document !== 'README.md' && !linked.has(document)),
      [],
    );
  });

  it('README.md: its first two commands are make serve and make test', () => {
    assert.deepEqual(
      consoleCommands(read('README.md'))
        .filter((command) => command.startsWith('make'))
        .slice(0, 2),
      ['make serve', 'make test'],
    );
  });
});

function read(file: string): string {
  return readFileSync(join(projectRoot, file), 'utf8');
}

/** The lines behind a `$` prompt in the console blocks of a document, comments taken off. */
function consoleCommands(markdown: string): readonly string[] {
  return [...markdown.matchAll(/^\$ (.*?)(?:\s+#.*)?$/gm)].map(([, command]) => command ?? '');
}
