import { corruptAnswer, listIn, parseAnswer } from '../dynamodb/dynamodb-answer.ts';
import type { DynamoClient } from '../dynamodb/dynamodb-client.ts';
import { forEachParallel } from '../dynamodb/dynamodb-parallel.ts';
import { throttled } from '../dynamodb/dynamodb-retry.ts';
import { createKeyHasher } from '../mlforge/mlforge-layout.ts';
import { createRowFiller, type RowFiller } from '../mlforge/mlforge-rows.ts';
import type { CallOptions, TableRead } from '../online-store.ts';
import { StoreError } from '../store-error.ts';
import { ENTITY_KEY, FEATURE_NAME, FEATURE_VALUES, itemKey, TTL } from './mlforge-dynamodb-layout.ts';

/** Items of one BatchGetItem, DynamoDB's limit. */
const MAX_ITEMS = 100;

export interface MlforgeDynamoReaderOptions {
  readonly client: DynamoClient;
  readonly table: string;
  readonly parallel: number;
  readonly hidesExpired: boolean;
}

/** An item that is wanted, and where it goes. */
interface WantedItem {
  readonly hash: string;
  readonly feature: string;
  readonly targets: { readonly filler: RowFiller; readonly row: number }[];
}

/** An item as DynamoDB's JSON has it. */
export type StoredItem = Readonly<Record<string, { readonly S?: unknown; readonly N?: unknown } | undefined>>;

interface BatchGetAnswer {
  readonly Responses?: Readonly<Record<string, readonly StoredItem[]>> | null;
  readonly UnprocessedKeys?: Readonly<Record<string, { readonly Keys?: readonly StoredItem[] } | null>> | null;
}

/** Reads rows of all views with BatchGetItem, an item once however often it is asked for. */
export class MlforgeDynamoReader {
  readonly #options: MlforgeDynamoReaderOptions;

  constructor(options: MlforgeDynamoReaderOptions) {
    this.#options = options;
  }

  /** Fills the blocks of all reads. @throws StoreError */
  async read(reads: readonly TableRead[], call: CallOptions | undefined): Promise<void> {
    const wanted = planReads(reads);
    const requests: Map<string, WantedItem>[] = [];
    for (const [id, item] of wanted) {
      let request = requests.at(-1);
      if (request === undefined || request.size === MAX_ITEMS) {
        request = new Map();
        requests.push(request);
      }
      request.set(id, item);
    }
    await forEachParallel(requests, this.#options.parallel, (request) => this.#readRequest(request, call));
  }

  async #readRequest(request: ReadonlyMap<string, WantedItem>, call: CallOptions | undefined): Promise<void> {
    const { client } = this.#options;
    const budget = client.budget(call);
    let wanted = request;
    let attempts = 0;
    for (;;) {
      const left = await this.#readSome(wanted, call);
      if (left.size === 0) return;
      // DynamoDB leaves keys when it throttles, and when an answer would be too large: where it goes on, so do we.
      attempts = left.size < wanted.size ? 1 : attempts + 1;
      const doing = `with ${left.size} of ${request.size} items left unprocessed`;
      if (!(await budget.pause(attempts, doing))) throw throttled(client.where, doing);
      wanted = left;
    }
  }

  /** @returns what DynamoDB left for another request, which is not the same as what it does not have */
  async #readSome(
    wanted: ReadonlyMap<string, WantedItem>,
    call: CallOptions | undefined,
  ): Promise<ReadonlyMap<string, WantedItem>> {
    const { client, table } = this.#options;
    const input = batchGetInput(table, wanted.values());
    const doing = `reading ${wanted.size} items (${table})`;
    const body = await client.sendRaw({ action: 'BatchGetItem', input, tables: [table], doing }, call);
    const { Responses, UnprocessedKeys } = parseAnswer(body, client.where) as BatchGetAnswer;
    for (const item of listIn(Responses?.[table], client.where)) this.#take(item, wanted);
    const left = new Map<string, WantedItem>();
    for (const key of listIn(UnprocessedKeys?.[table]?.Keys, client.where)) {
      const [id, item] = itemFor(key, wanted, client.where);
      left.set(id, item);
    }
    return left;
  }

  #take(item: StoredItem, wanted: ReadonlyMap<string, WantedItem>): void {
    const { client, table, hidesExpired } = this.#options;
    const [, { targets }] = itemFor(item, wanted, client.where);
    if (hidesExpired && isExpired(item)) return;
    const text = item[FEATURE_VALUES]?.S;
    if (typeof text !== 'string') throw wrongItem(client.where, table);
    for (const { filler, row } of targets) filler.fill(row, text);
  }
}

/** The input of a BatchGetItem: what mlforge's `read_batch` sends. */
export function batchGetInput(
  table: string,
  items: Iterable<{ readonly hash: string; readonly feature: string }>,
): object {
  const keys = [...items].map(({ hash, feature }) => itemKey(hash, feature));
  return { RequestItems: { [table]: { Keys: keys } } };
}

/** True for an item whose time is over, whether or not DynamoDB has removed it. What is not a number is not a time, as there. */
export function isExpired(item: StoredItem, now = Date.now()): boolean {
  const ttl = Number(item[TTL]?.N ?? Number.NaN);
  return ttl <= now / 1000;
}

export function wrongItem(where: string, table: string): StoreError {
  return new StoreError(
    'STORE_WRONG_LAYOUT',
    `${where} has an item without a ${FEATURE_VALUES} text in table ${table}.`,
    {
      hint: 'Another program writes into the table; check table_name.',
    },
  );
}

function planReads(reads: readonly TableRead[]): Map<string, WantedItem> {
  const wanted = new Map<string, WantedItem>();
  const hashesOf = createKeyHasher();
  for (const read of reads) {
    const filler = createRowFiller(read);
    const feature = read.table.name;
    for (const [row, hash] of hashesOf(read.keys).entries()) {
      const id = idOf(hash, feature);
      const item = wanted.get(id) ?? { hash, feature, targets: [] };
      wanted.set(id, item);
      item.targets.push({ filler, row });
    }
  }
  return wanted;
}

/** A hash has a fixed length: no two pairs read the same. */
function idOf(hash: string, feature: string): string {
  return hash + feature;
}

function itemFor(
  item: StoredItem,
  wanted: ReadonlyMap<string, WantedItem>,
  where: string,
): readonly [id: string, item: WantedItem] {
  const [hash, feature] = [item?.[ENTITY_KEY]?.S, item?.[FEATURE_NAME]?.S];
  const id = typeof hash === 'string' && typeof feature === 'string' ? idOf(hash, feature) : '';
  const found = wanted.get(id);
  if (found === undefined) throw corruptAnswer(where, 'an item that was not asked for');
  return [id, found];
}
