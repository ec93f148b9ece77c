import type { DynamoClient } from '../dynamodb/dynamodb-client.ts';
import {
  createDynamoTable,
  describeDynamoTable,
  isReady,
  type TableDescription,
  waitForDynamoTable,
} from '../dynamodb/dynamodb-table-state.ts';
import type { CallOptions } from '../online-store.ts';
import { StoreError } from '../store-error.ts';
import { TABLE_SCHEMA } from './mlforge-dynamodb-config.ts';
import { ENTITY_KEY, FEATURE_NAME, TTL } from './mlforge-dynamodb-layout.ts';

const SCHEMA = {
  KeySchema: [
    { AttributeName: ENTITY_KEY, KeyType: 'HASH' },
    { AttributeName: FEATURE_NAME, KeyType: 'RANGE' },
  ],
  AttributeDefinitions: [
    { AttributeName: ENTITY_KEY, AttributeType: 'S' },
    { AttributeName: FEATURE_NAME, AttributeType: 'S' },
  ],
};

export interface MlforgeTableOptions {
  readonly client: DynamoClient;
  readonly name: string;
  readonly autoCreate: boolean;
  readonly timeoutMs: number;
}

/** The one table of all features. */
export class MlforgeDynamoTable {
  readonly #options: MlforgeTableOptions;

  constructor(options: MlforgeTableOptions) {
    this.#options = options;
  }

  /** @returns false where there is no such table */
  async isThere(call: CallOptions | undefined): Promise<boolean> {
    return (await this.#describe(call)) !== undefined;
  }

  /**
   * Makes the table where it is missing and may be made, and waits until it can be used.
   * @throws StoreError `STORE_TABLE_MISSING`, `STORE_PERMISSION_DENIED`, `STORE_WRONG_LAYOUT`
   */
  async ensure(call: CallOptions | undefined): Promise<void> {
    const { client, name, autoCreate } = this.#options;
    const found = await this.#describe(call);
    if (found === undefined && !autoCreate) {
      throw new StoreError('STORE_TABLE_MISSING', `${client.where} has no table ${name}, and auto_create is off.`, {
        hint: `Make it, or set auto_create: true. ${TABLE_SCHEMA}`,
      });
    }
    const isNew = found === undefined && (await createDynamoTable(client, name, SCHEMA, call));
    const ready = isReady(found) ? found : await this.#untilReady(call);
    if (!hasKeys(ready)) {
      throw new StoreError(
        'STORE_WRONG_LAYOUT',
        `${client.where} has a table ${name} with other keys than mlforge's.`,
        {
          hint: `Check table_name. ${TABLE_SCHEMA}`,
        },
      );
    }
    // As in mlforge, a table that somebody else made is left as it is.
    if (isNew) await this.#enableExpiry(call);
  }

  async #enableExpiry(call: CallOptions | undefined): Promise<void> {
    const { client, name } = this.#options;
    const input = { TableName: name, TimeToLiveSpecification: { Enabled: true, AttributeName: TTL } };
    const doing = `enabling time to live of table ${name}`;
    await client.send({ action: 'UpdateTimeToLive', input, tables: [name], doing }, call);
  }

  #untilReady(call: CallOptions | undefined): Promise<TableDescription | undefined> {
    const { client, name, timeoutMs } = this.#options;
    const setting = 'sideboard.mlforge_dynamodb.table_timeout_ms';
    return waitForDynamoTable(client, { name, isReached: isReady, what: 'can be used', timeoutMs, setting }, call);
  }

  #describe(call: CallOptions | undefined): Promise<TableDescription | undefined> {
    return describeDynamoTable(this.#options.client, this.#options.name, call);
  }
}

function hasKeys(found: TableDescription | undefined): boolean {
  const keys = (found?.KeySchema ?? []).map(({ AttributeName, KeyType }) => `${AttributeName} ${KeyType}`);
  return keys.length === 2 && keys.includes(`${ENTITY_KEY} HASH`) && keys.includes(`${FEATURE_NAME} RANGE`);
}
