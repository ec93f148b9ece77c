import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Registry } from '../../gen/feast/core/Registry_pb.ts';
import { definitionsFromRegistry } from '../../src/definitions/definitions-from-registry.ts';
import { definitionsText } from '../../src/definitions/definitions-text.ts';
import { definitionsFromTexts } from '../../src/definitions/load-definitions.ts';
import { comparableObjects, objectsOfProject } from '../../src/definitions/registry-objects.ts';
import { definedProject, registryOfDefinitions } from '../support/defined-repo.ts';
import { plainDefinitions, twinRegistry, twins, twinText } from '../support/definition-messages.ts';
import { goldenRegistries } from '../support/golden-registries.ts';

/** Every project of the recorded registries. */
function recordedProjects(): readonly { readonly registry: Registry; readonly project: string }[] {
  return goldenRegistries().flatMap((registry) =>
    registry.projects.map(({ spec }) => ({ registry, project: spec?.name ?? '' })),
  );
}

const quoted = (text: string): string[] =>
  [...text.matchAll(/^The ([\w ]+ "[^"]+") is left out/gm)].map(([, label = '']) => label);

describe('definitions of a registry', () => {
  it('become the registry’s objects again, and what is not among them is told', () => {
    for (const { registry, project } of recordedProjects()) {
      const { text, leftOut } = definitionsFromRegistry(registry, project);
      const ours = comparableObjects(
        definitionsFromTexts([{ file: 'D', text }], { name: project }, { env: {}, registry }),
      );
      const theirs = comparableObjects(objectsOfProject(registry, project));
      for (const [label, json] of ours) assert.equal(json, theirs.get(label), `${project}: ${label}`);
      const missing = [...theirs.keys()].filter((label) => !ours.has(label));
      assert.deepEqual(quoted(leftOut.join('\n')).sort(), missing.sort(), project);
    }
  });

  it('are whole for registries without Python: those of the twins, kitchen_sink and multiview aside', () => {
    for (const twin of twins.filter(({ name }) => name !== 'kitchen_sink' && name !== 'multiview')) {
      assert.deepEqual(definitionsFromRegistry(twinRegistry(twin), twin.project).leftOut, [], twin.name);
    }
  });

  it('say why something is left out', () => {
    const kitchenSink = twins.find(({ name }) => name === 'kitchen_sink') ?? assert.fail();
    const { leftOut } = definitionsFromRegistry(twinRegistry(kitchenSink), 'kitchen_sink');
    for (const reason of [
      'The source "bq_src" is left out: definitions in YAML have no source of its type.',
      'The feature view "unsorted_entities" is left out: there is no source "bq_src".',
      'The feature service "svc_alias" is left out: there is no feature view "unsorted_entities".',
      'The feature service "svc_logged" is left out: definitions in YAML cannot say all that the registry has of it.',
      'The stream feature views are left out, which are Python: stream_view, plain_stream.',
    ]) {
      assert.ok(leftOut.includes(reason), reason);
    }
  });

  it('of definitions are these definitions', () => {
    // Pinned versions are in the registry that made them, and nowhere else.
    for (const twin of twins.filter(({ name }) => name !== 'versioned')) {
      const project = definitionsFromTexts([twinText(twin)], { name: 'p' }, { env: {} });
      const { text, leftOut } = definitionsFromRegistry(registryOfDefinitions(project), 'p');
      assert.deepEqual(leftOut, [], twin.name);
      assert.deepEqual(plainDefinitions(definedProject(text)), plainDefinitions(project), twin.name);
    }
  });

  it('keep any text as it is, dollar signs and all', () => {
    const tricky = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom(
        `\${HOME}`,
        '$HOME',
        `\${A:b}`,
        'no',
        '1:30',
        '0x1f',
        '2026-01-01',
        '~',
        ' a ',
        'a: b',
        '# a',
        'a\nb\n',
        '\\x24',
        '- a',
        '"',
        "'",
      ),
    );
    fc.assert(
      fc.property(tricky, tricky, (description, tag) => {
        const text = definitionsText({
          entities: [{ name: 'a', value_type: 'Int64', description, tags: { key: tag, [`k${tag}`]: description } }],
        });
        const read = definitionsFromTexts([{ file: 'D', text }], { name: 'p' }, { env: { HOME: '/x', A: 'y' } });
        const spec = read.entities[0]?.spec;
        assert.equal(spec?.description, description);
        assert.deepEqual({ ...spec?.tags }, { key: tag, [`k${tag}`]: description });
      }),
      { numRuns: 150 },
    );
  });

  it('of a project with nothing are a file that loads', () => {
    const { text } = definitionsFromRegistry(registryOfDefinitions(definedProject('project: {}')), 'p');
    assert.deepEqual(plainDefinitions(definedProject(text)), plainDefinitions(definedProject('project: {}')));
  });
});
