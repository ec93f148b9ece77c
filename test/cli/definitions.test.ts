import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { definitionsJsonSchema } from '../../src/definitions/definitions-json-schema.ts';
import { runCli } from '../support/cli-run.ts';
import { definedProject } from '../support/defined-repo.ts';
import { createSqliteRepo } from '../support/golden-repo.ts';

describe('the command definitions', () => {
  it('prints definitions of the registry that Feast wrote, and warns of what they cannot say', async () => {
    const repo = createSqliteRepo('multiview');
    try {
      const { status, stdout, stderr } = await runCli(['definitions', '--repo', repo.path]);
      assert.equal(status, 0);
      assert.equal(definedProject(stdout).featureViews.length, 6);
      assert.match(
        stderr,
        /warning: The feature service "odfv" is left out: there is no feature view "checkout_pandas"\./,
      );
    } finally {
      repo.remove();
    }
  });

  for (const name of ['simple', 'composite', 'types']) {
    it(`prints definitions of ${name} of which apply says that there is nothing to change`, async () => {
      const repo = createSqliteRepo(name);
      try {
        const { stdout } = await runCli(['definitions', '--repo', repo.path]);
        writeFileSync(join(repo.path, 'definitions.yaml'), stdout);
        const { status, stdout: plan, stderr } = await runCli(['apply', '--dry-run', '--repo', repo.path]);
        assert.equal(status, 0, stderr);
        assert.match(plan + stderr, /Nothing to change: registry and online store are what the definitions say\./);
      } finally {
        repo.remove();
      }
    });
  }

  it('prints the JSON Schema, for which no project is needed', async () => {
    const { status, stdout } = await runCli(['definitions', '--schema', '--repo', '/nowhere']);
    assert.equal(status, 0);
    assert.deepEqual(JSON.parse(stdout), JSON.parse(JSON.stringify(definitionsJsonSchema())));
  });

  it('says that the registry does not hold the project', async () => {
    const repo = createSqliteRepo('simple', { project: 'other' });
    try {
      const { status, stderr } = await runCli(['definitions', '--repo', repo.path]);
      assert.equal(status, exitCodes.registry.code);
      assert.match(stderr, /REGISTRY_PROJECT_MISSING/);
    } finally {
      repo.remove();
    }
  });
});
