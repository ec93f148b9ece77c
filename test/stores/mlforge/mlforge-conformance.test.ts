import { type StorageTraits, testOnlineStore, type ValueArm } from '../../../src/conformance/index.ts';
import {
  MlforgeDynamodbOnlineStore,
  MlforgeDynamodbOnlineStoreConfig,
} from '../../../src/stores/mlforge-dynamodb/mlforge-dynamodb-online-store.ts';
import {
  MlforgeRedisOnlineStore,
  MlforgeRedisOnlineStoreConfig,
} from '../../../src/stores/mlforge-redis/mlforge-redis-online-store.ts';
import { freshAccessKey, setAwsEnvironment } from '../../support/aws-environment.ts';
import { sharedDynamoServer } from '../../support/dynamodb-server.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';
import { mlforgeCapabilities } from './mlforge-capabilities.ts';

/** What JSON has a form for. */
const valueTypes: readonly ValueArm[] = [
  ...(['stringVal', 'int32Val', 'int64Val', 'doubleVal', 'floatVal', 'boolVal', 'unixTimestampVal'] as const),
  ...(['stringListVal', 'int32ListVal', 'int64ListVal', 'doubleListVal', 'floatListVal', 'boolListVal'] as const),
  ...(['unixTimestampListVal', 'mapVal', 'mapListVal', 'structVal', 'structListVal', 'jsonVal', 'listVal'] as const),
  ...(['uuidVal', 'uuidListVal', 'timeUuidVal', 'timeUuidListVal'] as const),
];

const storage: Partial<StorageTraits> = {
  timePrecision: 'none',
  rewrite: 'replace',
  verbatim: false,
  valueTypes,
  keyTypesApart: false,
  projectsApart: false,
};

describe('mlforge on Redis', () => {
  let server: RedisServer;

  before(async () => {
    server = await startRedisServer();
  });

  after(() => server?.remove());

  const configWith = (config: object) => () => {
    return MlforgeRedisOnlineStoreConfig.parse({ ...config, host: '127.0.0.1', port: server.port });
  };

  for (const [name, config, abilities] of [
    ['with its defaults', {}, {}],
    ['with expiring rows', { ttl: 600, prefix: 'p*[x]:y' }, { ttl: true }],
  ] as const) {
    testOnlineStore({
      name: `mlforge on Redis ${name}`,
      config: configWith(config),
      create: (parsed, context) => new MlforgeRedisOnlineStore(parsed, context),
      capabilities: { ...mlforgeCapabilities, ...abilities },
      storage,
      expiring: { config: configWith({ ...config, ttl: 1 }), seconds: 1 },
      unreachable: MlforgeRedisOnlineStoreConfig.parse({ host: '127.0.0.1', port: 1 }),
    });
  }
});

describe('mlforge on DynamoDB', () => {
  let url = '';
  let restore = (): void => {};

  before(async function () {
    this.timeout(60_000);
    url = (await sharedDynamoServer()).url;
    restore = setAwsEnvironment(freshAccessKey());
  });

  after(() => restore());

  const region = 'us-east-1';
  const configWith = (config: object) => () => {
    return MlforgeDynamodbOnlineStoreConfig.parse({ table_name: 'features', region, endpoint_url: url, ...config });
  };

  testOnlineStore({
    name: 'mlforge on DynamoDB',
    config: configWith({ ttl_seconds: 600 }),
    create: (parsed, context) => new MlforgeDynamodbOnlineStore(parsed, context),
    capabilities: { ...mlforgeCapabilities, ttl: true },
    storage: { ...storage, maxValueBytes: 400_000 },
    expiring: { config: configWith({ ttl_seconds: 2 }), seconds: 2 },
    unreachable: MlforgeDynamodbOnlineStoreConfig.parse({
      table_name: 'features',
      region,
      endpoint_url: 'http://127.0.0.1:1',
    }),
  });
});
