import { setTimeout as sleep } from 'node:timers/promises';
import { assertTimeLeft } from '../call-limits.ts';
import type { CallOptions } from '../online-store.ts';
import { StoreError } from '../store-error.ts';
import type { DynamoClient } from './dynamodb-client.ts';
import { isDynamoError } from './dynamodb-errors.ts';

const FIRST_POLL_MS = 20;
const LAST_POLL_MS = 2000;

/** What DescribeTable says, as far as it matters. */
export interface TableDescription {
  readonly TableStatus?: string;
  readonly TableArn?: string;
  readonly KeySchema?: readonly { readonly AttributeName?: string; readonly KeyType?: string }[];
  readonly AttributeDefinitions?: readonly { readonly AttributeName?: string; readonly AttributeType?: string }[];
}

/** @returns `undefined` where there is no such table */
export async function describeDynamoTable(
  client: DynamoClient,
  name: string,
  call: CallOptions | undefined,
): Promise<TableDescription | undefined> {
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

/** @returns false where somebody else was faster */
export async function createDynamoTable(
  client: DynamoClient,
  name: string,
  schema: object,
  call: CallOptions | undefined,
): Promise<boolean> {
  const input = { TableName: name, BillingMode: 'PAY_PER_REQUEST', ...schema };
  try {
    await client.send({ action: 'CreateTable', input, tables: [name], doing: `creating table ${name}` }, call);
    return true;
  } catch (error) {
    if (isRefusal(error, 'ResourceInUse')) return false;
    throw error;
  }
}

export interface TableWait {
  readonly name: string;
  readonly isReached: (description: TableDescription | undefined) => boolean;
  /** What is waited for, for messages: `can be used`. */
  readonly what: string;
  readonly timeoutMs: number;
  /** Where `timeoutMs` is set. */
  readonly setting: string;
}

/** Looks at a table, less and less often, until it is as it is to be. @throws StoreError `STORE_TIMEOUT` */
export async function waitForDynamoTable(
  client: DynamoClient,
  { name, isReached, what, timeoutMs, setting }: TableWait,
  call: CallOptions | undefined,
): Promise<TableDescription | undefined> {
  const giveUpAt = Date.now() + timeoutMs;
  for (let pause = FIRST_POLL_MS; ; pause = Math.min(pause * 2, LAST_POLL_MS)) {
    const description = await describeDynamoTable(client, name, call);
    if (isReached(description)) return description;
    if (Date.now() + pause > giveUpAt) {
      throw new StoreError('STORE_TIMEOUT', `Table ${name} took longer than ${timeoutMs} ms until it ${what}.`, {
        hint: `Run the command again later, or raise ${setting}.`,
      });
    }
    const left = (call?.deadline ?? Number.POSITIVE_INFINITY) - Date.now();
    await sleep(Math.max(0, Math.min(pause, left)));
    assertTimeLeft(call, `waiting until table ${name} ${what}`);
  }
}

/** A table that is being changed, for example in its capacity, can be read and written. */
export function isReady(description: TableDescription | undefined): boolean {
  return description?.TableStatus === 'ACTIVE' || description?.TableStatus === 'UPDATING';
}

/** True when DynamoDB itself refused, by this error of its own. */
export function isRefusal(error: unknown, name: string): boolean {
  return error instanceof StoreError && isDynamoError(error.cause, name);
}
