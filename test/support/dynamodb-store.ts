import {
  DynamoDBOnlineStore,
  DynamoDBOnlineStoreConfig,
  DynamoDBOnlineStoreSettings,
} from '../../src/stores/dynamodb/dynamodb-online-store.ts';
import { freshAccessKey, setAwsEnvironment } from './aws-environment.ts';

export interface OpenDynamoOptions {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly warn?: (message: string) => void;
}

/** A store for the server at `url`. */
export function openDynamoStore(url: string, options: OpenDynamoOptions = {}): DynamoDBOnlineStore {
  const { config = {}, settings = {}, warn = () => {} } = options;
  return new DynamoDBOnlineStore(
    DynamoDBOnlineStoreConfig.parse({ region: 'us-east-1', endpoint_url: url, ...config }),
    { project: 'p', repoPath: '/', warn },
    DynamoDBOnlineStoreSettings.parse(settings),
  );
}

/** Gives every test of a block an empty database: credentials of its own in this process' environment. */
export function useFreshDatabase(): () => string {
  let accessKey = '';
  let restore = (): void => {};
  beforeEach(() => {
    accessKey = freshAccessKey();
    restore = setAwsEnvironment(accessKey);
  });
  afterEach(() => restore());
  return () => accessKey;
}
