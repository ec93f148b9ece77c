import { compareTimes } from '../compare-times.ts';
import type { CallOptions } from '../online-store.ts';
import { StoreError } from '../store-error.ts';
import type { DynamoClient } from './dynamodb-client.ts';
import { isDynamoError } from './dynamodb-errors.ts';
import { type AttributeValue, EVENT_TIME, type Item, isPlainEventTime, parseEventTime } from './dynamodb-layout.ts';
import { forEachParallel } from './dynamodb-parallel.ts';
import type { TimedItemWrite } from './dynamodb-write-plan.ts';

/**
 * DynamoDB compares texts. Those that Sideboard and Feast write for times in UTC have the order of their times; whatever else stands
 * there (another zone, another separator) is not of this form, and is compared here.
 */
const NOT_NEWER =
  'attribute_not_exists(#time) OR ' +
  '(#time <= :time AND contains(#time, :zone) AND contains(#time, :blank) AND size(#time) IN (:whole, :micros))';

interface Condition {
  readonly text: string;
  readonly values: Item;
}

/** What a PutItem with a condition answers. */
interface PutAnswer {
  /** The condition did not hold. */
  readonly isRefused?: boolean;
  /** The time that is stored; absent where a server of another make does not tell. */
  readonly stored?: AttributeValue | undefined;
}

/**
 * Writes items that are not older than those that are stored, and leaves out the others: one PutItem with a condition per item, so many
 * at a time, because BatchWriteItem takes no conditions.
 *
 * @throws StoreError, with some of the items written; `STORE_CORRUPT` for a stored time that is none
 */
export async function writeNewestItems(
  client: DynamoClient,
  parallel: number,
  table: string,
  writes: readonly TimedItemWrite[],
  progress: ((rows: number) => void) | undefined,
  call: CallOptions | undefined,
): Promise<void> {
  await forEachParallel(writes, parallel, async ({ item, time, rows }) => {
    let seen: AttributeValue | undefined;
    for (;;) {
      const condition = seen === undefined ? notNewer(time) : same(seen);
      const { isRefused, stored } = await putIf(client, table, item, condition, call);
      if (!isRefused) break;
      if (seen !== undefined) {
        // Somebody has written in between: from the beginning.
        seen = undefined;
        continue;
      }
      if (stored === undefined || !isNotNewer(stored, time, table)) break;
      seen = stored;
    }
    progress?.(rows);
  });
}

function notNewer(time: string): Condition {
  const values = {
    ':time': { S: time },
    ':zone': { S: '+00:00' },
    ':blank': { S: ' ' },
    ':whole': { N: '25' },
    ':micros': { N: '32' },
  };
  return { text: NOT_NEWER, values };
}

/** As long as such a time stands there, nobody has written in between. */
function same(seen: AttributeValue): Condition {
  return { text: '#time = :seen', values: { ':seen': seen } };
}

function putIf(
  client: DynamoClient,
  table: string,
  item: Item,
  condition: Condition,
  call: CallOptions | undefined,
): Promise<PutAnswer> {
  const input = {
    TableName: table,
    Item: item,
    ConditionExpression: condition.text,
    ExpressionAttributeNames: { '#time': EVENT_TIME },
    ExpressionAttributeValues: condition.values,
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  };
  const answerOf = (error: unknown): PutAnswer | undefined => {
    if (!isDynamoError(error, 'ConditionalCheckFailed')) return undefined;
    return { isRefused: true, stored: (error as { readonly Item?: Item }).Item?.[EVENT_TIME] };
  };
  const doing = `writing an item unless it is older (${table})`;
  return client.send<PutAnswer>({ action: 'PutItem', input, tables: [table], doing, answerOf }, call);
}

/** Whether a stored time, of which DynamoDB did not find that it is not newer, is not newer all the same. */
function isNotNewer(seen: AttributeValue, time: string, table: string): boolean {
  const text = 'S' in seen ? seen.S : undefined;
  if (text !== undefined && isPlainEventTime(text)) return false;
  const stored = text === undefined ? undefined : parseEventTime(text);
  const written = parseEventTime(time);
  if (stored !== undefined && written !== undefined) return compareTimes(stored, written) <= 0;
  throw new StoreError(
    'STORE_CORRUPT',
    `The ${EVENT_TIME} of an item in ${table} is not a time, so it cannot be compared.`,
    {
      hint: 'Delete the item, or write without newestOnly.',
    },
  );
}
