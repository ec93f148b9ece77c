/** Loads the module of a store that Sideboard brings along; called when a project uses it. */
export type StoreModuleLoader = () => Promise<unknown>;

export interface BuiltInStore {
  /** Its short name, under which its settings stand as well: `sideboard.<name>`. */
  readonly name: string;
  readonly className: string;
  /** Paths of Feast's own classes that mean this store. */
  readonly aliases: readonly string[];
  readonly load: StoreModuleLoader;
}

export const builtInStores: readonly BuiltInStore[] = [
  {
    name: 'sqlite',
    className: 'SqliteOnlineStore',
    aliases: ['feast.infra.online_stores.sqlite.SqliteOnlineStore'],
    load: () => import('./sqlite/sqlite-online-store.ts'),
  },
  {
    name: 'redis',
    className: 'RedisOnlineStore',
    aliases: ['feast.infra.online_stores.redis.RedisOnlineStore'],
    load: () => import('./redis/redis-online-store.ts'),
  },
  {
    name: 'mlforge_redis',
    className: 'MlforgeRedisOnlineStore',
    aliases: [],
    load: () => import('./mlforge-redis/mlforge-redis-online-store.ts'),
  },
  {
    name: 'mlforge_dynamodb',
    className: 'MlforgeDynamodbOnlineStore',
    aliases: [],
    load: () => import('./mlforge-dynamodb/mlforge-dynamodb-online-store.ts'),
  },
  {
    name: 'dynamodb',
    className: 'DynamoDBOnlineStore',
    aliases: ['feast.infra.online_stores.dynamodb.DynamoDBOnlineStore'],
    load: () => import('./dynamodb/dynamodb-online-store.ts'),
  },
  {
    name: 'mysql',
    className: 'MySQLOnlineStore',
    aliases: [
      'feast.infra.online_stores.mysql_online_store.mysql.MySQLOnlineStore',
      'feast_custom_online_store.mysql.MySQLOnlineStore',
    ],
    load: () => import('./mysql/mysql-online-store.ts'),
  },
  {
    name: 'postgres',
    className: 'PostgreSQLOnlineStore',
    aliases: ['feast.infra.online_stores.postgres_online_store.postgres.PostgreSQLOnlineStore'],
    load: () => import('./postgres/postgres-online-store.ts'),
  },
  {
    name: 'connector',
    className: 'ConnectorOnlineStore',
    aliases: [],
    load: () => import('./connector/connector-online-store.ts'),
  },
];

/** Feast's names for stores that are not served yet. */
const NOT_SERVED = new Set([
  'aerospike',
  'bigtable',
  'cassandra',
  'chronon',
  'couchbase.online',
  'datastore',
  'elasticsearch',
  'faiss',
  'hazelcast',
  'hbase',
  'hybrid',
  'milvus',
  'mongodb',
  'qdrant',
  'remote',
  'scylladb',
  'singlestore',
  'snowflake.online',
]);

// Feast's own classes, and the class of its guide for a custom store.
const NOT_SERVED_MODULES = ['feast.infra.online_stores.', 'feast_custom_online_store.'];

export function findBuiltInStore(type: string): BuiltInStore | undefined {
  return builtInStores.find((store) => store.name === type || store.aliases.includes(type));
}

/** True for what Feast would find and Sideboard does not have. */
export function isKnownToFeastOnly(type: string): boolean {
  return NOT_SERVED.has(type) || NOT_SERVED_MODULES.some((module) => type.startsWith(module));
}

/** The key below `sideboard:` that holds the settings of a store of this type; `undefined` for a user's own store. */
export function storeSettingsKey(type: string): string | undefined {
  return findBuiltInStore(type)?.name;
}
