import { create } from '@bufbuild/protobuf';
import { EntityKeySchema } from '../../gen/feast/types/EntityKey_pb.ts';
import { encodeValue } from '../../src/encoding/value-encode.ts';
import type { OnlineRow, OnlineStore, OnlineTable } from '../../src/stores/online-store.ts';
import { type BenchView, eventTimeOf, JOIN_KEY, valueAt } from './feature-data.ts';

const BATCH = 200;

export function rowOf(view: BenchView, entity: number): OnlineRow {
  return {
    entityKey: create(EntityKeySchema, {
      joinKeys: [JOIN_KEY],
      entityValues: [{ val: { case: 'int64Val', value: BigInt(entity) } }],
    }),
    values: new Map(
      view.features.map((feature) => [feature.name, encodeValue(valueAt(feature, entity), feature.type)]),
    ),
    eventTimestamp: eventTimeOf(entity),
  };
}

/** Writes the rows of the entities 1 to `population` through the store. */
export async function fillTable(
  store: OnlineStore,
  table: OnlineTable,
  view: BenchView,
  population: number,
): Promise<void> {
  for (let first = 1; first <= population; first += BATCH) {
    const length = Math.min(BATCH, population - first + 1);
    await store.onlineWriteBatch(
      table,
      Array.from({ length }, (_, index) => rowOf(view, first + index)),
    );
  }
}
