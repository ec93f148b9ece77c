import { loadOptionalPackage } from '../optional-package.ts';
import type { DynamoHttpHandler } from './dynamodb-http-handler.ts';

/** What is asked of DynamoDB: the names of its API, which are those of the IAM actions after `dynamodb:`. */
export type DynamoAction =
  | 'BatchGetItem'
  | 'BatchWriteItem'
  | 'CreateTable'
  | 'DeleteTable'
  | 'DescribeTable'
  | 'ListTables'
  | 'PutItem'
  | 'Scan'
  | 'TagResource'
  | 'UpdateTimeToLive';

/** The slice of the SDK's client that the store uses. */
export interface SdkClient {
  send(command: object, options: SendOptions): Promise<unknown>;
  destroy(): void;
}

export interface SendOptions {
  readonly abortSignal: AbortSignal;
  /** For {@link DynamoHttpHandler}: where the answer's bytes go, which the SDK then does not decode. */
  readonly take?: (body: Buffer) => void;
}

export interface SdkClientOptions {
  readonly region?: string;
  readonly endpoint?: string;
  readonly maxAttempts: number;
  readonly requestHandler?: DynamoHttpHandler;
}

export interface DynamoSdk {
  createClient(options: SdkClientOptions): SdkClient;
  /** @param action a name of DynamoDB's API; {@link DynamoAction} has those that the store uses */
  createCommand(action: string, input: object): object;
}

const PACKAGE: string = '@aws-sdk/client-dynamodb';

let loaded: Promise<DynamoSdk> | undefined;

/**
 * Loads the AWS SDK on first use: it is large, and who has no DynamoDB need not install it.
 * @throws StoreError `STORE_UNAVAILABLE` with the command that installs it
 */
export function loadDynamoSdk(): Promise<DynamoSdk> {
  loaded ??= importSdk(PACKAGE);
  return loaded;
}

/** @param name of the package, which a test may make one that is missing */
export async function importSdk(name: string): Promise<DynamoSdk> {
  const exported = (await loadOptionalPackage(name, 'dynamodb')) as Readonly<Record<string, unknown>>;
  const Client = exported.DynamoDBClient as new (options: SdkClientOptions) => SdkClient;
  return {
    createClient: (options) => new Client(options),
    createCommand: (action, input) => {
      const Command = exported[`${action}Command`] as new (input: object) => object;
      return new Command(input);
    },
  };
}
