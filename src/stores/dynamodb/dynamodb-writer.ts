import type { CallOptions } from '../online-store.ts';
import type { DynamoClient } from './dynamodb-client.ts';
import type { Item } from './dynamodb-layout.ts';
import { forEachParallel } from './dynamodb-parallel.ts';
import { throttled } from './dynamodb-retry.ts';
import type { ItemWrite } from './dynamodb-write-plan.ts';

/** Items of one BatchWriteItem, DynamoDB's limit. Its other one, 16 MB, is out of reach of items of 400 KB. */
const MAX_ITEMS = 25;

interface PutRequest {
  readonly PutRequest: { readonly Item: Item };
}

/** What BatchWriteItem answers: nothing but what it left out. */
interface BatchWriteAnswer {
  readonly UnprocessedItems?: Readonly<Record<string, readonly PutRequest[]>>;
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
      await this.#writeBatch(table, batch, call);
      progress?.(batch.reduce((sum, { rows }) => sum + rows, 0));
    });
  }

  async #writeBatch(table: string, writes: readonly ItemWrite[], call: CallOptions | undefined): Promise<void> {
    const budget = this.#client.budget(call);
    let puts: readonly PutRequest[] = writes.map(({ item }) => ({ PutRequest: { Item: item } }));
    for (let attempts = 0; ; ) {
      const input = { RequestItems: { [table]: puts } };
      const doing = `writing ${puts.length} items (${table})`;
      const answer = await this.#client.send<BatchWriteAnswer>(
        { action: 'BatchWriteItem', input, tables: [table], doing },
        call,
      );
      const left = answer.UnprocessedItems?.[table] ?? [];
      if (left.length === 0) return;
      attempts = left.length < puts.length ? 1 : attempts + 1;
      const leaving = `with ${left.length} of ${writes.length} items left unprocessed (${table})`;
      if (!(await budget.pause(attempts, leaving))) throw throttled(this.#client.where, leaving);
      puts = left;
    }
  }
}
