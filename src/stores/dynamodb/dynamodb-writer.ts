import type { CallOptions } from '../online-store.ts';
import type { DynamoClient } from './dynamodb-client.ts';
import type { Item } from './dynamodb-layout.ts';
import { forEachParallel } from './dynamodb-parallel.ts';
import { throttled } from './dynamodb-retry.ts';
import type { ItemWrite } from './dynamodb-write-plan.ts';

/** Items of one BatchWriteItem, DynamoDB's limit. Its other one, 16 MB, is out of reach of items of 400 KB. */
const MAX_ITEMS = 25;

type WriteRequest =
  | { readonly PutRequest: { readonly Item: Item } }
  | { readonly DeleteRequest: { readonly Key: Item } };

/** What BatchWriteItem answers: nothing but what it left out. */
interface BatchWriteAnswer {
  readonly UnprocessedItems?: Readonly<Record<string, readonly WriteRequest[]>>;
}

/** Writes items with BatchWriteItem, several requests at a time. An item replaces what is stored for its entity. */
export class DynamoWriter {
  readonly #client: DynamoClient;
  readonly #parallel: number;

  constructor(client: DynamoClient, parallel: number) {
    this.#client = client;
    this.#parallel = parallel;
  }

  /** @throws StoreError, with some of the items written */
  async write(
    table: string,
    writes: readonly ItemWrite[],
    progress: ((rows: number) => void) | undefined,
    call: CallOptions | undefined,
  ): Promise<void> {
    const batches: (readonly ItemWrite[])[] = [];
    for (let start = 0; start < writes.length; start += MAX_ITEMS) batches.push(writes.slice(start, start + MAX_ITEMS));
    await forEachParallel(batches, this.#parallel, async (batch) => {
      const puts = batch.map(({ item }) => ({ PutRequest: { Item: item } }));
      await this.#sendBatch(table, puts, `writing ${puts.length} items (${table})`, call);
      progress?.(batch.reduce((sum, { rows }) => sum + rows, 0));
    });
  }

  /** Removes items by their keys, which are all different. @throws StoreError, with some of the items removed */
  async remove(table: string, keys: readonly Item[], call: CallOptions | undefined): Promise<void> {
    const batches: (readonly Item[])[] = [];
    for (let start = 0; start < keys.length; start += MAX_ITEMS) batches.push(keys.slice(start, start + MAX_ITEMS));
    await forEachParallel(batches, this.#parallel, async (batch) => {
      const deletes = batch.map((key) => ({ DeleteRequest: { Key: key } }));
      await this.#sendBatch(table, deletes, `removing ${deletes.length} items (${table})`, call);
    });
  }

  async #sendBatch(
    table: string,
    batch: readonly WriteRequest[],
    doing: string,
    call: CallOptions | undefined,
  ): Promise<void> {
    const budget = this.#client.budget(call);
    let requests = batch;
    for (let attempts = 0; ; ) {
      const input = { RequestItems: { [table]: requests } };
      const answer = await this.#client.send<BatchWriteAnswer>(
        { action: 'BatchWriteItem', input, tables: [table], doing },
        call,
      );
      const left = answer.UnprocessedItems?.[table] ?? [];
      if (left.length === 0) return;
      attempts = left.length < requests.length ? 1 : attempts + 1;
      const leaving = `with ${left.length} of ${batch.length} items left unprocessed (${table})`;
      if (!(await budget.pause(attempts, leaving))) throw throttled(this.#client.where, leaving);
      requests = left;
    }
  }
}
