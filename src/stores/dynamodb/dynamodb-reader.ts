import type { CallOptions, TableRead } from '../online-store.ts';
import type { DynamoCall, DynamoClient } from './dynamodb-client.ts';
import { ENTITY_ID } from './dynamodb-layout.ts';
import { forEachParallel } from './dynamodb-parallel.ts';
import { takeAnswer } from './dynamodb-read-answer.ts';
import { batchGetInput, planReads, requestsOf, type WantedItems } from './dynamodb-read-plan.ts';
import { throttled } from './dynamodb-retry.ts';
import { isRefusal } from './dynamodb-table-state.ts';

export interface DynamoReaderOptions {
  readonly client: DynamoClient;
  readonly nameOf: (read: TableRead) => string;
  readonly batchSize: number;
  readonly isConsistent: boolean;
  readonly parallel: number;
}

/** Reads rows with BatchGetItem: of several tables in one request, and of many rows in several at a time. */
export class DynamoReader {
  readonly #client: DynamoClient;
  readonly #options: DynamoReaderOptions;
  /** A table that was read from. */
  #known: string | undefined;

  constructor(options: DynamoReaderOptions) {
    this.#client = options.client;
    this.#options = options;
  }

  /** Fills the blocks of all reads. @throws StoreError */
  async read(reads: readonly TableRead[], call: CallOptions | undefined): Promise<void> {
    const { nameOf, batchSize, parallel } = this.#options;
    const requests = requestsOf(planReads(reads, nameOf), batchSize);
    await forEachParallel(requests, parallel, (wanted) => this.#readRequest(wanted, call));
  }

  /**
   * Asks a table that was read from for an item that no entity has. Before the first read there is none that is known; then
   * tables are listed, and not being allowed to is an answer as well: it comes after the credentials were checked.
   */
  async ping(call: CallOptions | undefined): Promise<void> {
    const doing = 'asking whether DynamoDB answers';
    if (this.#known !== undefined) {
      const input = { RequestItems: { [this.#known]: { Keys: [{ [ENTITY_ID]: { S: 'ping' } }] } } };
      try {
        await this.#client.sendRaw({ action: 'BatchGetItem', input, tables: [this.#known], doing }, call);
      } catch (error) {
        // The view went away, or others may be read now: an answer as well.
        if (!isRefusal(error, 'ResourceNotFound') && !isRefusal(error, 'AccessDenied')) throw error;
        this.#known = undefined;
      }
      return;
    }
    try {
      await this.#client.send({ action: 'ListTables', input: { Limit: 1 }, tables: [], doing }, call);
    } catch (error) {
      if (!isRefusal(error, 'AccessDenied')) throw error;
    }
  }

  async #readRequest(request: WantedItems, call: CallOptions | undefined): Promise<void> {
    const budget = this.#client.budget(call);
    let wanted = request;
    let attempts = 0;
    for (;;) {
      const asked = countItems(wanted);
      const left = takeAnswer(await this.#send(wanted, call), wanted, this.#client.where);
      const missing = countItems(left);
      if (missing === 0) {
        this.#known ??= [...request.keys()][0]?.name;
        return;
      }
      // DynamoDB leaves keys when it throttles, and when an answer would be too large: where it goes on, so do we.
      attempts = missing < asked ? 1 : attempts + 1;
      const doing = `with ${missing} of ${countItems(request)} items left unprocessed (${namesOf(left)})`;
      if (!(await budget.pause(attempts, doing))) throw throttled(this.#client.where, doing);
      wanted = left;
    }
  }

  async #send(wanted: WantedItems, call: CallOptions | undefined): Promise<Buffer> {
    try {
      return await this.#client.sendRaw(this.#callFor(wanted), call);
    } catch (error) {
      if (wanted.size > 1 && isRefusal(error, 'ResourceNotFound')) await this.#findMissingTable(wanted, call);
      throw error;
    }
  }

  /** DynamoDB does not say which of several tables is missing. @throws StoreError `STORE_TABLE_MISSING` naming it */
  async #findMissingTable(wanted: WantedItems, call: CallOptions | undefined): Promise<void> {
    for (const [plan, ids] of wanted) {
      await this.#client.sendRaw(this.#callFor(new Map([[plan, ids.slice(0, 1)]])), call);
    }
  }

  #callFor(wanted: WantedItems): DynamoCall {
    return {
      action: 'BatchGetItem',
      input: batchGetInput(wanted, this.#options.isConsistent),
      tables: [...wanted.keys()].map(({ name }) => name),
      doing: `reading ${countItems(wanted)} items (${namesOf(wanted)})`,
    };
  }
}

function countItems(wanted: WantedItems): number {
  let sum = 0;
  for (const ids of wanted.values()) sum += ids.length;
  return sum;
}

function namesOf(wanted: WantedItems): string {
  return [...wanted.keys()].map(({ name }) => name).join(', ');
}
