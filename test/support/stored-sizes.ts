import { toBinary } from '@bufbuild/protobuf';
import { type Value, ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import type { OnlineRow, OnlineTable } from '../../src/stores/online-store.ts';
import { RedisOnlineStore, RedisOnlineStoreConfig } from '../../src/stores/redis/redis-online-store.ts';
import { double, floatList, int64, string } from './feature-values.ts';
import { tableWith } from './golden-stores.ts';
import type { RedisServer } from './redis-server.ts';
import { driverKey } from './store-rows.ts';

/** What one entity holds, as docs/guide/scale.md names it. */
export interface EntityShape {
  readonly name: string;
  readonly views: number;
  /** The features of one view. */
  readonly features: readonly ((entity: number, feature: number) => Value)[];
}

const someDouble = (entity: number, feature: number): Value => double((entity * 31 + feature) / 7);
const someInt = (entity: number, feature: number): Value => int64(((entity * 31 + feature) % 4000) + 128);
const someText = (entity: number): Value => string(String(100_000_000_000 + entity));
const someVector = (entity: number): Value =>
  floatList(...Array.from({ length: 32 }, (_, index) => (entity + index) / 3));

const times = <T>(count: number, each: T): readonly T[] => Array.from({ length: count }, () => each);

export const ENTITY_SHAPES: readonly EntityShape[] = [
  { name: '10 doubles', views: 1, features: times(10, someDouble) },
  { name: '50 doubles', views: 1, features: times(50, someDouble) },
  {
    name: '50 mixed: 20 int64, 20 doubles, 10 texts of 12 letters',
    views: 1,
    features: [...times(20, someInt), ...times(20, someDouble), ...times(10, someText)],
  },
  { name: '250 doubles in five views', views: 5, features: times(50, someDouble) },
  { name: '600 doubles', views: 1, features: times(600, someDouble) },
  { name: '10 doubles and a vector of 32 floats', views: 1, features: [...times(10, someDouble), someVector] },
  { name: '50 doubles and a vector of 32 floats', views: 1, features: [...times(50, someDouble), someVector] },
];

/** Writes entities in Feast's layout and has Redis say what the first ones take. @returns bytes per entity, the key included */
export async function storedEntityBytes(server: RedisServer, shape: EntityShape, entities: number): Promise<number> {
  const { client } = server;
  await client.flushall();
  const store = new RedisOnlineStore(
    RedisOnlineStoreConfig.parse({ connection_string: `127.0.0.1:${server.port}`, skip_dedup: true }),
    { project: 'shop', repoPath: '/', warn: () => {} },
  );
  try {
    for (let view = 0; view < shape.views; view++) {
      const names = shape.features.map((_, index) => `feature_${index}`);
      const table: OnlineTable = tableWith('shop', `view_${view}`, ['driver_id'], names);
      for (let first = 0; first < entities; first += 500) {
        const rows = Array.from({ length: Math.min(500, entities - first) }, (_, index) =>
          rowOf(shape, table, first + index),
        );
        await store.onlineWriteBatch(table, rows);
      }
    }
  } finally {
    await store.close();
  }
  const keys = (await client.keysBuffer('*')).slice(0, 500);
  const sizes = await Promise.all(keys.map((key) => client.call('MEMORY', 'USAGE', key, 'SAMPLES', 0)));
  return sizes.reduce((sum: number, size) => sum + Number(size), 0) / sizes.length;
}

function rowOf(shape: EntityShape, table: OnlineTable, entity: number): OnlineRow {
  const values = table.features.map(({ name }, index): readonly [string, Uint8Array] => {
    const value = shape.features[index]?.(entity, index);
    return [name, value === undefined ? new Uint8Array() : toBinary(ValueSchema, value)];
  });
  return {
    entityKey: driverKey(entity),
    eventTimestamp: { seconds: 1_768_000_000, nanos: 0 },
    values: new Map(values),
  };
}

/** The formula of docs/guide/scale.md for an entity of project `shop` whose hash is packed. */
export function entityBytesByFormula({ views, features }: EntityShape): number {
  const values = features.map((each, index) => 8 + toBinary(ValueSchema, each(0, index)).length);
  return 130 + views * (14 + 'view_0'.length + values.reduce((sum, bytes) => sum + bytes, 0));
}
