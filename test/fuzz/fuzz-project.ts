import { create, toBinary } from '@bufbuild/protobuf';
import { EntityKeySchema } from '../../gen/feast/types/EntityKey_pb.ts';
import { type Value, ValueSchema, ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import type { RegistrySnapshot } from '../../src/registry/registry-snapshot.ts';
import type { OnlineRow } from '../../src/stores/online-store.ts';
import { onlineTableFromView } from '../../src/stores/online-table.ts';
import { MemoryOnlineStore } from '../conformance/memory-online-store.ts';
import { double, int64, int64List, string } from '../support/feature-values.ts';
import { createTables } from '../support/push-project.ts';
import { pushedSnapshot } from '../support/push-registry.ts';

const { INT64, STRING, DOUBLE, INT64_LIST, BYTES, MAP } = ValueType_Enum;

/** A project whose requests, pushes and batches are fed to the product: views of one and of two entities, in memory. */
export interface FuzzProject {
  readonly snapshot: RegistrySnapshot;
  readonly store: MemoryOnlineStore;
}

export const fuzzSnapshot: RegistrySnapshot = pushedSnapshot([
  { name: 'counts', features: { clicks: INT64, rate: DOUBLE, tags: INT64_LIST } },
  { name: 'notes', features: { text: STRING, raw: BYTES, more: MAP }, source: 'notes', created: 'made_at' },
  { name: 'pairs', features: { seen: INT64 }, entities: ['thing', 'place'], source: 'pairs' },
]);

let opened: Promise<FuzzProject> | undefined;

/** One per process: what is written meanwhile stays, and is bounded by the few entities that inputs can name. */
export function openFuzzProject(): Promise<FuzzProject> {
  opened ??= open();
  return opened;
}

async function open(): Promise<FuzzProject> {
  const store = new MemoryOnlineStore({
    name: 'fuzz',
    keepsNewest: true,
    loads: true,
    ttlSeconds: undefined,
    down: false,
  });
  await createTables(store, fuzzSnapshot);
  const rows: Readonly<Record<string, readonly OnlineRow[]>> = {
    counts: [1, 2, 3].map((id) =>
      row({ id: int64(id) }, { clicks: int64(id * 10), rate: double(0.5), tags: int64List(1, 2) }),
    ),
    pairs: [row({ id: int64(1), place_id: string('a') }, { seen: int64(7) })],
  };
  for (const [name, written] of Object.entries(rows)) {
    const view = fuzzSnapshot.views.get(name);
    if (view !== undefined) await store.onlineWriteBatch(onlineTableFromView(view, 'p', 0), written);
  }
  return { snapshot: fuzzSnapshot, store };
}

function row(key: Readonly<Record<string, Value>>, values: Readonly<Record<string, Value>>): OnlineRow {
  return {
    entityKey: create(EntityKeySchema, { joinKeys: Object.keys(key), entityValues: Object.values(key) }),
    values: new Map(Object.entries(values).map(([name, value]) => [name, toBinary(ValueSchema, value)])),
    eventTimestamp: { seconds: 1_700_000_000, nanos: 0 },
  };
}
