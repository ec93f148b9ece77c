import assert from 'node:assert/strict';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { EntityKeySchema } from '../../gen/feast/types/EntityKey_pb.ts';
import { ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import {
  createEntityKeyEncoder,
  deserializeEntityKey,
  entityKeyVersionOf,
  serializeEntityKey,
} from '../../src/encoding/entity-key.ts';
import { entityHashOfKey } from '../../src/stores/mlforge/mlforge-layout.ts';
import { readGoldenLines } from '../support/golden.ts';
import { type FuzzTarget, valueOrRefusal } from './fuzz-target.ts';
import { decodedBy } from './protobuf-oracle.ts';

interface KeyLine {
  readonly entity_key_proto_hex?: string;
  readonly v3?: { readonly hex?: string };
  readonly v2?: { readonly hex?: string };
}

function recorded(hexOf: (line: KeyLine) => string | undefined): Buffer[] {
  return readGoldenLines<KeyLine>('entity_keys.jsonl')
    .flatMap((line) => Buffer.from(hexOf(line) ?? '', 'hex'))
    .filter((bytes) => bytes.length > 0 && bytes.length < 200)
    .slice(0, 40);
}

/** Stored keys of versions 3 and 2. What is read as a key is written as the same bytes, and has its own version. */
export const storedEntityKey: FuzzTarget = {
  name: 'entity-key',
  form: 'binary',
  seeds: () => [...recorded(({ v3 }) => v3?.hex).slice(0, 25), ...recorded(({ v2 }) => v2?.hex).slice(0, 10)],
  check(input) {
    const key = valueOrRefusal(['MALFORMED_ENTITY_KEY'], () => deserializeEntityKey(input));
    entityKeyVersionOf(input, ['user_id']);
    entityKeyVersionOf(input, ['a', 'b']);
    valueOrRefusal(['MALFORMED_ENTITY_KEY', 'STORE_INVALID_ROW'], () => entityHashOfKey(input));
    if (key === undefined) return;
    const { joinKeys } = key;
    const again = valueOrRefusal(['DUPLICATE_JOIN_KEY'], () => serializeEntityKey(key, 3));
    // Names that are not in order are not a key that Feast writes: they come back in order.
    const inOrder = again === undefined ? undefined : deserializeEntityKey(again);
    if (inOrder === undefined || inOrder.joinKeys.join('\0') !== joinKeys.join('\0')) return;
    assert.deepEqual(Buffer.from(again ?? []), input);
    assert.equal(entityKeyVersionOf(input, joinKeys), 3);
    assert.equal(entityKeyVersionOf(serializeEntityKey(key, 2), joinKeys), 2);
  },
};

/** Values as a request sends them, laid into keys without decoding: the same keys as from protobuf-es's messages. */
export const requestedEntityKey: FuzzTarget = {
  name: 'requested-entity-key',
  form: 'protobuf',
  seeds: () => recorded((line) => line.entity_key_proto_hex),
  check(input) {
    const message = decodedBy(EntityKeySchema, input);
    if (message !== undefined) checkMessage(message.joinKeys, input);
    // The input as the one value of a key.
    const key = valueOrRefusal(CODES, () => createEntityKeyEncoder(['id']).encode([input]));
    const value = decodedBy(ValueSchema, input);
    if (key === undefined || value === undefined) return;
    const expected = serializeEntityKey(create(EntityKeySchema, { joinKeys: ['id'], entityValues: [value] }));
    assert.deepEqual(Buffer.from(key), Buffer.from(expected));
    assert.deepEqual(deserializeEntityKey(key).joinKeys, ['id']);
  },
};

const CODES = [
  'UNSUPPORTED_ENTITY_KEY_TYPE',
  'MALFORMED_MESSAGE',
  'MISSING_JOIN_KEY',
  'DUPLICATE_JOIN_KEY',
  'INVALID_TEXT',
];

function checkMessage(joinKeys: readonly string[], input: Buffer): void {
  const key = fromBinary(EntityKeySchema, input);
  const values = key.entityValues.map((value) => toBinary(ValueSchema, value));
  for (const version of [3, 2] as const) {
    const bytes = valueOrRefusal(CODES, () => serializeEntityKey(key, version));
    const isWhole = joinKeys.length === values.length && new Set(joinKeys).size === joinKeys.length;
    if (!isWhole) continue;
    const encoded = valueOrRefusal(CODES, () => createEntityKeyEncoder(joinKeys, version).encode(values));
    assert.deepEqual(bytes, encoded);
  }
}
