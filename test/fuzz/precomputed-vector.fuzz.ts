import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { PrecomputedFeatureVectorSchema } from '../../gen/feast/core/PrecomputedFeatureVector_pb.ts';
import {
  GetOnlineFeaturesRequestSchema,
  GetOnlineFeaturesResponseSchema,
} from '../../gen/feast/serving/ServingService_pb.ts';
import { EntityKeySchema } from '../../gen/feast/types/EntityKey_pb.ts';
import { ValueSchema, ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import type { RegistrySnapshot } from '../../src/registry/registry-snapshot.ts';
import { createRegistrySnapshot } from '../../src/registry/snapshot-from-proto.ts';
import { OnlineFeatures } from '../../src/serving/online-features.ts';
import { precomputedTable } from '../../src/serving/precomputed.ts';
import { defaultServingPolicy, feastPythonPolicy } from '../../src/serving/serving-policy.ts';
import { MemoryOnlineStore } from '../conformance/memory-online-store.ts';
import { double, int64, string } from '../support/feature-values.ts';
import { createTables } from '../support/push-project.ts';
import { registryOf } from '../support/registries.ts';
import { type FuzzTarget, settledOrRefusal } from './fuzz-target.ts';
import { answeredBy } from './protobuf-oracle.ts';

const FEATURES = { clicks: ValueType_Enum.INT64, rate: ValueType_Enum.DOUBLE, name: ValueType_Enum.STRING };
const NAMES = Object.keys(FEATURES).map((name) => `counts__${name}`);
/** Of entities whose vectors are as they should be, before and behind the one that is fed. */
const SOUND = [1, 3];
const FED = 2;

const snapshot: RegistrySnapshot = createRegistrySnapshot(
  registryOf({
    entities: [{ spec: { name: 'thing', project: 'p', joinKey: 'id', valueType: ValueType_Enum.INT64 } }],
    featureViews: [
      {
        spec: {
          name: 'counts',
          project: 'p',
          entities: ['thing'],
          features: Object.entries(FEATURES).map(([name, valueType]) => ({ name, valueType })),
          entityColumns: [{ name: 'id', valueType: ValueType_Enum.INT64 }],
          ttl: { seconds: 3_600n },
          online: true,
        },
      },
    ],
    featureServices: [
      {
        spec: {
          name: 'all',
          project: 'p',
          precomputeOnline: true,
          features: [{ featureViewName: 'counts', featureColumns: Object.keys(FEATURES).map((name) => ({ name })) }],
        },
      },
    ],
  }),
  'p',
  1,
);

const request = toBinary(
  GetOnlineFeaturesRequestSchema,
  create(GetOnlineFeaturesRequestSchema, {
    kind: { case: 'featureService', value: 'all' },
    fullFeatureNames: true,
    entities: { id: { val: [1, 2, 3].map((id) => int64(id)) } },
  }),
);

function storedVector(seconds: bigint, nanos: number, names: readonly string[] = NAMES): Uint8Array {
  const vector = create(PrecomputedFeatureVectorSchema, {
    featureNames: [...names],
    values: [int64(7), double(0.5), string('seven')],
    fvTimestamps: [{ featureViewName: 'counts', eventTimestamp: { seconds, nanos } }],
    precomputedAt: { seconds, nanos },
  });
  const value = toBinary(PrecomputedFeatureVectorSchema, vector);
  return toBinary(ValueSchema, create(ValueSchema, { val: { case: 'bytesVal', value } }));
}

let opened: Promise<MemoryOnlineStore> | undefined;

async function open(): Promise<MemoryOnlineStore> {
  const name = 'fuzz-precomputed';
  const store = new MemoryOnlineStore({ name, keepsNewest: false, loads: true, ttlSeconds: undefined, down: false });
  await createTables(store, snapshot);
  await store.update({
    tablesToKeep: [precomputedTable('p', 'all')],
    tablesToDelete: [],
    entitiesToKeep: [],
    entitiesToDelete: [],
    partial: true,
  });
  for (const id of SOUND) await write(store, id, storedVector(1_700_000_000n, 0));
  return store;
}

function write(store: MemoryOnlineStore, id: number, bytes: Uint8Array): Promise<void> {
  const table = { ...precomputedTable('p', 'all'), joinKeys: ['id'] };
  const entityKey = create(EntityKeySchema, { joinKeys: ['id'], entityValues: [int64(id)] });
  const row = { entityKey, values: new Map([['vector', bytes]]), eventTimestamp: { seconds: 1_700_000_000, nanos: 0 } };
  return store.onlineWriteBatch(table, [row]);
}

/** A pre-computed vector: what a service answers of it can be read, and the rows beside it are answered as they are stored. */
export const precomputedVector: FuzzTarget = {
  name: 'precomputed-vector',
  form: 'protobuf',
  tokens: NAMES,
  seeds: () => [
    storedVector(1_700_000_000n, 5),
    storedVector(0n, 0, [...NAMES].reverse()),
    storedVector(1_800_000_000n, 999_999_999, [...NAMES, 'counts__later']),
  ],
  async check(input) {
    opened ??= open();
    const store = await opened;
    await write(store, FED, input);
    const product = new OnlineFeatures({
      registry: () => snapshot,
      store,
      policy: { ...defaultServingPolicy, ...feastPythonPolicy },
    });
    const answer = await settledOrRefusal(['STORED_VALUE_CORRUPT'], () => product.getOnlineFeatures(request));
    if (answer === undefined) return;
    const read = answeredBy(GetOnlineFeaturesResponseSchema, answer);
    // Values with groups are passed on, and are more than protobuf-es reads.
    if (read === undefined) return;
    for (const { values, statuses, eventTimestamps } of read.results) {
      assert.deepEqual([values.length, statuses.length, eventTimestamps.length], [3, 3, 3]);
      for (const { nanos } of eventTimestamps) assert.ok(nanos >= 0 && nanos < 1e9, `${nanos} nanoseconds`);
    }
    const [, ...columns] = read.results;
    for (const id of SOUND) {
      const stored = columns.map(({ values }) => values[id - 1]?.val.value);
      // Where a vector is missing or lacks a feature, the views are read, which hold nothing here.
      if (stored.every((value) => value === undefined)) continue;
      assert.deepEqual(stored, [7n, 0.5, 'seven']);
    }
  },
};
