import assert from 'node:assert/strict';
import { RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { registryFromBytes } from '../../src/registry/registry-from-bytes.ts';
import { registryParts } from '../../src/registry/registry-parts.ts';
import { createRegistrySnapshot } from '../../src/registry/snapshot-from-proto.ts';
import { WireFields } from '../../src/registry/writing/wire-fields.ts';
import { onlineTablesOfSnapshot } from '../../src/stores/online-table.ts';
import { readGolden } from '../support/golden.ts';
import { type FuzzTarget, valueOrRefusal } from './fuzz-target.ts';
import { goldenSeed } from './golden-seeds.ts';
import { decodedBy } from './protobuf-oracle.ts';

/** A registry, read by serving and rewritten by apply: a snapshot or a refusal, and fields that come back byte by byte. */
export const registry: FuzzTarget = {
  name: 'registry',
  form: 'protobuf',
  tokens: ['minimal', 'p', '__dummy', '__dummy_id'],
  seeds: () => [
    readGolden('registry', 'minimal', 'registry.db'),
    ...goldenSeed('sqlite', ['simple', 'ttl'], 'repo', 'data', 'registry.db'),
  ],
  check(input) {
    valueOrRefusal([], () => fieldsComeBack(input));
    const parsed = valueOrRefusal(['REGISTRY_CORRUPT'], () => registryFromBytes(input, 'registry'));
    const expected = decodedBy(RegistrySchema, input);
    if (parsed === undefined) {
      // A message without a project may well be cut off.
      assert.ok((expected?.projects.length ?? 0) + (expected?.projectMetadata.length ?? 0) === 0);
      return;
    }
    const names = new Set(parsed.projects.map(({ spec }) => spec?.name ?? '').filter((name) => name !== ''));
    for (const project of [...names].slice(0, 3)) {
      const snapshot = createRegistrySnapshot(parsed, project, 1);
      onlineTablesOfSnapshot(snapshot, { versioned: true });
      for (const { joinKeys, features } of snapshot.views.values()) {
        assert.ok(joinKeys.length > 0);
        for (const { name } of features) assert.equal(typeof name, 'string');
      }
    }
  },
};

function fieldsComeBack(input: Buffer): void {
  let fields: WireFields;
  try {
    fields = new WireFields(input);
  } catch (error) {
    // The documented error of this reader, whose callers say what is wrong with the registry.
    if (isWireError(error)) return;
    throw error;
  }
  assert.deepEqual(Buffer.from(fields.toBytes()), input);
  assert.deepEqual(Buffer.concat([...registryParts(input)]), input);
}

function isWireError(error: unknown): boolean {
  return error instanceof RangeError || (error instanceof Error && error.constructor === Error);
}
