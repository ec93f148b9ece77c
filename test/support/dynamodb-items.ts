import { type DynamoSdk, loadDynamoSdk, type SdkClient } from '../../src/stores/dynamodb/dynamodb-sdk.ts';

/** An item as DynamoDB's JSON has it: `{"entity_id": {"S": "…"}, …}`, bytes in base64. */
export type JsonItem = Readonly<Record<string, JsonAttribute>>;

export interface JsonAttribute {
  readonly S?: string;
  readonly N?: string;
  readonly B?: string;
  readonly M?: Readonly<Record<string, JsonAttribute>>;
}

/** A raw client, for what a test puts into the database and looks up there. Uses the credentials of the environment. */
export class RawDynamo {
  readonly #sdk: DynamoSdk;
  readonly #client: SdkClient;

  private constructor(sdk: DynamoSdk, client: SdkClient) {
    this.#sdk = sdk;
    this.#client = client;
  }

  static async open(url: string): Promise<RawDynamo> {
    const sdk = await loadDynamoSdk();
    const client = sdk.createClient({ region: 'us-east-1', endpoint: url, maxAttempts: 3 });
    return new RawDynamo(sdk, client);
  }

  async send<T>(action: string, input: object): Promise<T> {
    const command = this.#sdk.createCommand(action, input);
    return (await this.#client.send(command, { abortSignal: new AbortController().signal })) as T;
  }

  async createTable(name: string, key = 'entity_id', type = 'S'): Promise<void> {
    await this.send('CreateTable', {
      TableName: name,
      KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: key, AttributeType: type }],
      BillingMode: 'PAY_PER_REQUEST',
    });
  }

  async put(table: string, item: JsonItem): Promise<void> {
    await this.send('PutItem', { TableName: table, Item: withBytes(item) });
  }

  async scan(table: string): Promise<JsonItem[]> {
    const { Items = [] } = await this.send<{ Items?: object[] }>('Scan', { TableName: table, ConsistentRead: true });
    return Items.map((item) => withBase64(item) as JsonItem);
  }

  close(): void {
    this.#client.destroy();
  }
}

function withBytes(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, each]) => [
    name,
    name === 'B' && typeof each === 'string' ? Buffer.from(each, 'base64') : withBytes(each),
  ]);
  return Object.fromEntries(entries);
}

function withBase64(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withBase64(each)]));
}
