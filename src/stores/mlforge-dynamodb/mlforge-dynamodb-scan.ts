import type { DynamoClient } from '../dynamodb/dynamodb-client.ts';
import { isRefusal } from '../dynamodb/dynamodb-table-state.ts';
import type { CallOptions } from '../online-store.ts';
import { FEATURE_NAME } from './mlforge-dynamodb-layout.ts';

/** Values that one filter may name. */
const MAX_NAMES = 100;

interface ScanPage {
  readonly Items?: readonly ScannedItem[];
  readonly LastEvaluatedKey?: object;
}

/** An item as the SDK gives it. */
export type ScannedItem = Readonly<Record<string, { readonly S?: string; readonly N?: string } | undefined>>;

/**
 * Walks all items of the table that belong to these features, page by page. DynamoDB reads, and charges for, the whole table:
 * nothing leads from a feature to its items.
 * @param onItems ends the walk by answering `'enough'`
 */
export async function scanFeatures(
  client: DynamoClient,
  table: string,
  features: readonly string[],
  onItems: (items: readonly ScannedItem[]) => Promise<'enough' | undefined>,
  call: CallOptions | undefined,
): Promise<void> {
  for (let start = 0; start < features.length; start += MAX_NAMES) {
    const names = features.slice(start, start + MAX_NAMES);
    const filter = {
      TableName: table,
      FilterExpression: `#f IN (${names.map((_, index) => `:${index}`).join(', ')})`,
      ExpressionAttributeNames: { '#f': FEATURE_NAME },
      ExpressionAttributeValues: Object.fromEntries(names.map((name, index) => [`:${index}`, { S: name }])),
    };
    let after: object | undefined;
    do {
      const input = after === undefined ? filter : { ...filter, ExclusiveStartKey: after };
      const doing = `walking table ${table}`;
      let page: ScanPage;
      try {
        page = await client.send<ScanPage>({ action: 'Scan', input, tables: [table], doing }, call);
      } catch (error) {
        // Without the table there are no rows either.
        if (isRefusal(error, 'ResourceNotFound')) return;
        throw error;
      }
      const { Items = [], LastEvaluatedKey } = page;
      if (Items.length > 0 && (await onItems(Items)) === 'enough') return;
      after = LastEvaluatedKey;
    } while (after !== undefined);
  }
}
