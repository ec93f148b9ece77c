import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { definedProject, registryOfDefinitions } from '../support/defined-repo.ts';
import { requireFeast, run } from '../support/feast-session.ts';
import { projectRoot } from '../support/project-root.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const folder = join(projectRoot, 'test', 'interop', 'feast');

interface Comparison {
  readonly compared: readonly string[];
  readonly differences: readonly string[];
}

describe('definitions in YAML, next to real Feast', function () {
  this.timeout(120_000);
  const temporary = useTempFolder();

  before(async function () {
    await requireFeast(this);
  });

  it('are what Feast makes of the same definitions in Python, and are read by it as these', async () => {
    const project = definedProject(readFileSync(join(folder, 'definitions.yaml'), 'utf8'));
    const file = join(temporary(), 'registry.db');
    writeFileSync(file, toBinary(RegistrySchema, registryOfDefinitions(project)));
    const python = join(projectRoot, '.venv', 'feast', 'bin', 'python');
    const { status, stdout, output } = await run(python, [join(folder, 'defined.py'), file]);
    assert.equal(status, 0, output);
    const { compared, differences } = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Comparison;
    assert.equal(differences.join('\n'), '');
    const { entities, dataSources, featureViews, featureServices } = project;
    // All but __dummy, which Feast adds by itself.
    const made = 1 + (entities.length - 1) + dataSources.length + featureViews.length + featureServices.length;
    assert.equal(compared.length, made);
  });
});
