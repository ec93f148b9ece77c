import { setTimeout as sleep } from 'node:timers/promises';
import { assertTimeLeft } from '../call-limits.ts';
import type { DynamoClient } from '../dynamodb/dynamodb-client.ts';
import { isRefusal } from '../dynamodb/dynamodb-tables.ts';
import type { CallOptions } from '../online-store.ts';
import { StoreError } from '../store-error.ts';
import { TABLE_SCHEMA } from './mlforge-dynamodb-config.ts';
import { ENTITY_KEY, FEATURE_NAME, TTL } from './mlforge-dynamodb-layout.ts';

const FIRST_POLL_MS = 20;
const LAST_POLL_MS = 2000;

/** What DescribeTable says, as far as it matters. */
interface TableDescription {
  readonly TableStatus?: string;
  readonly KeySchema?: readonly { readonly AttributeName?: string; readonly KeyType?: string }[];
}

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
    const isNew = found === undefined && (await this.#create(call));
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

  /** @returns false where somebody else was faster */
  async #create(call: CallOptions | undefined): Promise<boolean> {
    const { client, name } = this.#options;
    const input = {
      TableName: name,
      KeySchema: [
        { AttributeName: ENTITY_KEY, KeyType: 'HASH' },
        { AttributeName: FEATURE_NAME, KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: ENTITY_KEY, AttributeType: 'S' },
        { AttributeName: FEATURE_NAME, AttributeType: 'S' },
      ],
      BillingMode: 'PAY_PER_REQUEST',
    };
    try {
      await client.send({ action: 'CreateTable', input, tables: [name], doing: `creating table ${name}` }, call);
      return true;
    } catch (error) {
      if (isRefusal(error, 'ResourceInUse')) return false;
      throw error;
    }
  }

  async #enableExpiry(call: CallOptions | undefined): Promise<void> {
    const { client, name } = this.#options;
    const input = { TableName: name, TimeToLiveSpecification: { Enabled: true, AttributeName: TTL } };
    const doing = `enabling time to live of table ${name}`;
    await client.send({ action: 'UpdateTimeToLive', input, tables: [name], doing }, call);
  }

  async #untilReady(call: CallOptions | undefined): Promise<TableDescription | undefined> {
    const { name, timeoutMs } = this.#options;
    const giveUpAt = Date.now() + timeoutMs;
    for (let pause = FIRST_POLL_MS; ; pause = Math.min(pause * 2, LAST_POLL_MS)) {
      const found = await this.#describe(call);
      if (isReady(found)) return found;
      if (Date.now() + pause > giveUpAt) {
        const message = `Table ${name} took longer than ${timeoutMs} ms until it can be used.`;
        throw new StoreError('STORE_TIMEOUT', message, {
          hint: 'Run the command again later, or raise sideboard.mlforge_dynamodb.table_timeout_ms.',
        });
      }
      const left = (call?.deadline ?? Number.POSITIVE_INFINITY) - Date.now();
      await sleep(Math.max(0, Math.min(pause, left)));
      assertTimeLeft(call, `waiting until table ${name} can be used`);
    }
  }

  async #describe(call: CallOptions | undefined): Promise<TableDescription | undefined> {
    const { client, name } = this.#options;
    try {
      const { Table } = await client.send<{ Table?: TableDescription }>(
        { action: 'DescribeTable', input: { TableName: name }, tables: [name], doing: `looking at table ${name}` },
        call,
      );
      return Table;
    } catch (error) {
      if (isRefusal(error, 'ResourceNotFound')) return undefined;
      throw error;
    }
  }
}

function isReady(found: TableDescription | undefined): boolean {
  return found?.TableStatus === 'ACTIVE' || found?.TableStatus === 'UPDATING';
}

function hasKeys(found: TableDescription | undefined): boolean {
  const keys = (found?.KeySchema ?? []).map(({ AttributeName, KeyType }) => `${AttributeName} ${KeyType}`);
  return keys.length === 2 && keys.includes(`${ENTITY_KEY} HASH`) && keys.includes(`${FEATURE_NAME} RANGE`);
}
