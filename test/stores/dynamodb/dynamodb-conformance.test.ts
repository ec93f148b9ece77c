import { testOnlineStore } from '../../../src/conformance/index.ts';
import { DynamoDBOnlineStore, DynamoDBOnlineStoreConfig } from '../../../src/stores/dynamodb/dynamodb-online-store.ts';
import { freshAccessKey, setAwsEnvironment } from '../../support/aws-environment.ts';
import { sharedDynamoServer } from '../../support/dynamodb-server.ts';

describe('DynamoDB', () => {
  let url = '';
  let restore = (): void => {};

  before(async function () {
    this.timeout(60_000);
    url = (await sharedDynamoServer()).url;
    restore = setAwsEnvironment(freshAccessKey());
  });

  after(() => restore());

  for (const [name, config] of [
    ['DynamoDB', {}],
    ['DynamoDB with consistent reads of few items', { consistent_reads: true, batch_size: 40, max_read_workers: 3 }],
  ] as const) {
    testOnlineStore({
      name,
      config: () => DynamoDBOnlineStoreConfig.parse({ region: 'us-east-1', endpoint_url: url, ...config }),
      create: (parsed, context) => new DynamoDBOnlineStore(parsed, context),
      capabilities: {
        readMany: true,
        ttl: false,
        directWrite: true,
        keepsNewest: false,
        newestOnly: true,
        feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' },
      },
      storage: {
        timePrecision: 'microsecond',
        createdTimes: false,
        rewrite: 'replace',
        anyNames: false,
        maxValueBytes: 400_000,
      },
      unreachable: DynamoDBOnlineStoreConfig.parse({ region: 'us-east-1', endpoint_url: 'http://127.0.0.1:1' }),
    });
  }
});
