import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCli } from '../support/cli-run.ts';
import { layOutExample } from '../support/example-project.ts';
import { projectRoot } from '../support/project-root.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const FOLDER = 'examples/own-store';

describe('examples/own-store/README.md', () => {
  const folder = useTempFolder();

  it('shows what its commands print, also outside the repository with Sideboard and zod installed', async () => {
    mkdirSync(join(folder(), FOLDER, 'node_modules'), { recursive: true });
    for (const part of ['feature_store.yaml', 'my_stores', 'rows.jsonl']) {
      cpSync(join(projectRoot, FOLDER, part), join(folder(), FOLDER, part), { recursive: true });
    }
    await layOutExample(folder());
    writeFileSync(join(folder(), FOLDER, 'package.json'), '{ "type": "module" }');
    symlinkSync(projectRoot, join(folder(), FOLDER, 'node_modules/sideboard'));
    symlinkSync(join(projectRoot, 'node_modules/zod'), join(folder(), FOLDER, 'node_modules/zod'));

    const readme = readFileSync(join(projectRoot, FOLDER, 'README.md'), 'utf8');
    const [, console] = /```console\n(.*?)```/s.exec(readme) ?? [];
    const examples = (console ?? '').split(/^\$ node dist\/main\.js /m).slice(1);
    assert.equal(examples.length, 3);
    for (const example of examples) {
      const [command = '', ...output] = example.split('\n');
      const args = command.split(' ').map((word) => word.replace(FOLDER, join(folder(), FOLDER)));
      const { stdout, stderr } = await runCli(args);
      assert.match(stderr, /^warning: .*alpha.*\n$/);
      assert.equal(stdout.replace(/in \d+\.\d s/, 'in 0.0 s'), output.join('\n'), command);
    }
  });
});
