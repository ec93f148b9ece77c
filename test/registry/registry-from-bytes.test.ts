import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { RegistryError } from '../../src/registry/registry-error.ts';
import { registryFromBytes, schemaVersionWarning } from '../../src/registry/registry-from-bytes.ts';
import { createRegistrySnapshot } from '../../src/registry/snapshot-from-proto.ts';
import { readGolden } from '../support/golden.ts';

function isCorrupt(error: unknown): boolean {
  return error instanceof RegistryError && error.code === 'REGISTRY_CORRUPT' && error.hint !== undefined;
}

/** Offsets at which the fields of a serialized registry end: all, those of projects, and of the version history. */
function endsOf(bytes: Uint8Array): { all: readonly number[]; projects: readonly number[]; history: number } {
  const reader = new BinaryReader(bytes);
  const all: number[] = [];
  const projects: number[] = [];
  let history = -1;
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    reader.skip(wireType, field);
    all.push(reader.pos);
    if (field === RegistrySchema.field.projects.number) projects.push(reader.pos);
    if (field === RegistrySchema.field.featureViewVersionHistory.number) history = reader.pos;
  }
  return { all, projects, history };
}

describe('registryFromBytes', () => {
  it('refuses zero bytes, which protobuf takes for an empty message', () => {
    assert.throws(() => registryFromBytes(new Uint8Array(0), 'registry file x'), /registry file x is empty/);
    assert.throws(() => registryFromBytes(new Uint8Array(0), 'registry file x'), isCorrupt);
  });

  it('refuses what is not a protobuf message', () => {
    assert.throws(() => registryFromBytes(Buffer.from('project: driver_ranking\n'), 'registry'), isCorrupt);
    assert.throws(() => registryFromBytes(new Uint8Array(4096), 'registry'), isCorrupt);
  });

  it('refuses a registry that names no project', () => {
    const bytes = toBinary(RegistrySchema, create(RegistrySchema, { registrySchemaVersion: '1', versionId: 'x' }));
    assert.throws(() => registryFromBytes(bytes, 'registry'), isCorrupt);
  });

  it('refuses a registry that was cut off at any byte', () => {
    const whole = readGolden('registry', 'minimal', 'registry.db');
    const { projects, history } = endsOf(whole);
    for (let length = 0; length < whole.length; length++) {
      // Behind the project's record there is only the version history: a cut exactly there leaves a whole registry.
      if (length === projects.at(-1) || length === history) continue;
      assert.throws(() => registryFromBytes(whole.subarray(0, length), 'registry'), isCorrupt, `cut at ${length}`);
    }
  });

  it('refuses a registry that was cut off between two objects, as long as views or services are lost', () => {
    const whole = readGolden('registry', 'two_projects', 'registry.db');
    const { views, services } = createRegistrySnapshot(registryFromBytes(whole, 'registry'), 'kitchen_sink', 1);
    const { all, projects } = endsOf(whole);
    for (const end of all.filter((offset) => offset < (projects[0] ?? 0))) {
      assert.throws(() => registryFromBytes(whole.subarray(0, end), 'registry'), isCorrupt, `cut at ${end}`);
    }
    const accepted = all.filter((offset) => offset >= (projects[0] ?? 0));
    assert.equal(accepted.length, 4);
    for (const end of accepted) {
      const cut = createRegistrySnapshot(registryFromBytes(whole.subarray(0, end), 'registry'), 'kitchen_sink', 1);
      const lost = [...views.values()].filter((view) => !cut.views.has(view.name));
      assert.ok(
        lost.every((view) => view.kind === 'label_view'),
        `cut at ${end}`,
      );
      assert.equal(cut.services.size, services.size);
    }
  });

  it('warns of a schema version that it does not know, and of no other', () => {
    const warningFor = (registrySchemaVersion: string) =>
      schemaVersionWarning(create(RegistrySchema, { registrySchemaVersion }), 'registry file x');
    assert.match(warningFor('2') ?? '', /registry file x has schema version "2"/);
    assert.match(warningFor('1.1') ?? '', /"1.1"/);
    assert.match(warningFor('next') ?? '', /"next"/);
    assert.equal(warningFor('1'), undefined);
    assert.equal(warningFor(''), undefined);
  });
});
