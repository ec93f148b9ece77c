import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { PushRequestSchema, WriteToOnlineStoreRequestSchema } from '../../gen/feast/serving/GrpcServer_pb.ts';
import { type EntityKey, EntityKeySchema } from '../../gen/feast/types/EntityKey_pb.ts';
import type { Value } from '../../gen/feast/types/Value_pb.ts';
import { SideboardError } from '../../src/errors.ts';
import { OnlinePush, type OnlinePushOptions } from '../../src/ingest/push/online-push.ts';
import type { RegistrySnapshot } from '../../src/registry/registry-snapshot.ts';
import type { OnlineStore } from '../../src/stores/online-store.ts';
import { onlineTablesOfSnapshot } from '../../src/stores/online-table.ts';
import { int64 } from './feature-values.ts';
import { changeOf } from './store-rows.ts';

/** A serialized `PushRequest`, to the online store and by the registry that is loaded unless it says otherwise. */
export function pushRequest(init: MessageInitShape<typeof PushRequestSchema>): Uint8Array {
  return toBinary(PushRequestSchema, create(PushRequestSchema, { to: 'online', allowRegistryCache: true, ...init }));
}

/** A serialized `WriteToOnlineStoreRequest` by the registry that is loaded. */
export function writeRequest(view: string, row: Readonly<Record<string, Value | string>>): Uint8Array {
  const isText = Object.values(row).every((value) => typeof value === 'string');
  const columns = isText
    ? { features: row as Record<string, string> }
    : { typedFeatures: row as Record<string, Value> };
  return toBinary(
    WriteToOnlineStoreRequestSchema,
    create(WriteToOnlineStoreRequestSchema, { featureViewName: view, allowRegistryCache: true, ...columns }),
  );
}

/** Pushes into a store by a registry that does not change. */
export function pushInto(
  store: OnlineStore,
  snapshot: RegistrySnapshot,
  options: Partial<OnlinePushOptions> = {},
): OnlinePush {
  const registry = { current: () => snapshot, refresh: async () => 'unchanged' as const };
  return new OnlinePush({ store, registry, enabled: true, versioned: false, ...options });
}

/** Makes the tables of a registry. */
export function createTables(store: OnlineStore, snapshot: RegistrySnapshot, versioned = false): Promise<void> {
  return store.update(changeOf({ tablesToKeep: onlineTablesOfSnapshot(snapshot, { versioned }) }));
}

/** The entity key of a thing, by its id. */
export function thing(id: number): EntityKey {
  return create(EntityKeySchema, { joinKeys: ['id'], entityValues: [int64(id)] });
}

/** The code by which a call was refused. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    if (error instanceof SideboardError) return error.code;
    throw error;
  }
  throw new Error('the call succeeded where an error was expected');
}
