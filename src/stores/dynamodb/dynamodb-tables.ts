import type { CallOptions, OnlineTable } from '../online-store.ts';
import { StoreError } from '../store-error.ts';
import type { DynamoClient } from './dynamodb-client.ts';
import type { DynamoDBOnlineStoreConfig } from './dynamodb-config.ts';
import { ENTITY_ID } from './dynamodb-layout.ts';
import { forEachParallel } from './dynamodb-parallel.ts';
import { createTableNameReader, dynamoTableName } from './dynamodb-table-name.ts';
import {
  createDynamoTable,
  describeDynamoTable,
  isReady,
  isRefusal,
  type TableDescription,
  type TableWait,
  waitForDynamoTable,
} from './dynamodb-table-state.ts';

/** Tables that are made, removed or looked at side by side; AWS allows 500 changes at once in an account. */
const PARALLEL = 10;

interface TablePage {
  readonly TableNames?: readonly string[];
  readonly LastEvaluatedTableName?: string;
}

interface Tag {
  readonly Key: string;
  readonly Value: string;
}

export interface DynamoTablesOptions {
  readonly client: DynamoClient;
  readonly config: Pick<DynamoDBOnlineStoreConfig, 'table_name_template' | 'tags'>;
  readonly timeoutMs: number;
  readonly warn: (message: string) => void;
}

/** Makes, removes and lists tables. */
export class DynamoTables {
  readonly #client: DynamoClient;
  readonly #config: DynamoTablesOptions['config'];
  readonly #timeoutMs: number;
  readonly #warn: (message: string) => void;

  constructor({ client, config, timeoutMs, warn }: DynamoTablesOptions) {
    this.#client = client;
    this.#config = config;
    this.#timeoutMs = timeoutMs;
    this.#warn = warn;
  }

  nameOf(table: Pick<OnlineTable, 'project' | 'name'>): string {
    return dynamoTableName(this.#config.table_name_template, table);
  }

  /** Makes the tables that are not there, and waits until all of them can be used. */
  async ensure(tables: readonly OnlineTable[], call: CallOptions | undefined): Promise<void> {
    await forEachParallel(tables, PARALLEL, (table) => this.#ensureOne(table, call));
  }

  /** Removes the tables that are there, and waits until they are gone. All are tried, whichever fails. */
  async remove(tables: readonly OnlineTable[], call: CallOptions | undefined): Promise<void> {
    const failures: unknown[] = [];
    await forEachParallel(tables, PARALLEL, async (table) => {
      try {
        await this.#removeOne(this.nameOf(table), call);
      } catch (error) {
        // What DynamoDB allows no table of cannot be there.
        const isImpossible = error instanceof StoreError && error.code === 'STORE_INVALID_ROW';
        if (!isImpossible) failures.push(error);
      }
    });
    if (failures.length > 0) throw failures[0];
  }

  /** The views' names of the tables that the template makes for a project, and that are laid out as Feast's are. */
  async list(project: string, call: CallOptions | undefined): Promise<string[]> {
    const viewOf = createTableNameReader(this.#config.table_name_template, project);
    const found: { readonly view: string; readonly name: string }[] = [];
    let after: string | undefined;
    do {
      const page = await this.#listPage(after, call);
      for (const name of page.TableNames ?? []) {
        const view = viewOf(name);
        if (view !== undefined) found.push({ view, name });
      }
      after = page.LastEvaluatedTableName;
    } while (after !== undefined);
    const views: string[] = [];
    await forEachParallel(found, PARALLEL, async ({ view, name }) => {
      const description = await this.#describe(name, call);
      if (description !== undefined && isFeastTable(description)) views.push(view);
    });
    return views.sort();
  }

  async #listPage(after: string | undefined, call: CallOptions | undefined): Promise<TablePage> {
    const input = after === undefined ? {} : { ExclusiveStartTableName: after };
    try {
      return await this.#client.send({ action: 'ListTables', input, tables: [], doing: 'listing tables' }, call);
    } catch (error) {
      if (isRefusal(error, 'AccessDenied')) {
        this.#warn(
          'Tables cannot be listed: grant dynamodb:ListTables on "*" to see which are there and which are left over.',
        );
      }
      throw error;
    }
  }

  async #ensureOne(table: OnlineTable, call: CallOptions | undefined): Promise<void> {
    const name = this.nameOf(table);
    const tags = tagsOf(this.#config.tags ?? {}, table.tags ?? {});
    let description = await this.#describe(name, call);
    if (description?.TableStatus === 'DELETING') {
      await this.#waitUntil(name, (now) => now === undefined, 'is removed', call);
      description = undefined;
    }
    const isNew = description === undefined && (await createDynamoTable(this.#client, name, schemaOf(tags), call));
    if (description?.TableStatus !== 'ACTIVE') {
      description = await this.#waitUntil(name, isReady, 'can be used', call);
    }
    if (description !== undefined && !isFeastTable(description)) {
      throw new StoreError(
        'STORE_WRONG_LAYOUT',
        `${this.#client.where} has a table ${name} with other keys than Feast's.`,
        {
          hint: 'Its partition key has to be entity_id, a string, without a sort key. Check table_name_template.',
        },
      );
    }
    if (!isNew && tags.length > 0) await this.#tag(name, description?.TableArn, tags, call);
  }

  async #tag(
    name: string,
    arn: string | undefined,
    tags: readonly Tag[],
    call: CallOptions | undefined,
  ): Promise<void> {
    const input = { ResourceArn: arn, Tags: tags };
    try {
      await this.#client.send({ action: 'TagResource', input, tables: [name], doing: `tagging table ${name}` }, call);
    } catch (error) {
      // The tables are usable all the same, and whoever made them may not want others to tag them.
      const isHarmless = error instanceof StoreError && HARMLESS_FOR_TAGS.has(error.code);
      if (!isHarmless) throw error;
      this.#warn(`Table ${name} keeps the tags that it has: ${error.message}`);
    }
  }

  async #removeOne(name: string, call: CallOptions | undefined): Promise<void> {
    const request = { action: 'DeleteTable', input: { TableName: name }, tables: [name] } as const;
    const giveUpAt = Date.now() + this.#timeoutMs;
    for (;;) {
      try {
        await this.#client.send({ ...request, doing: `removing table ${name}` }, call);
        break;
      } catch (error) {
        if (isRefusal(error, 'ResourceNotFound')) return;
        // It is being created, changed or removed.
        if (!isRefusal(error, 'ResourceInUse') || Date.now() > giveUpAt) throw error;
        const description = await this.#waitUntil(name, (now) => isReady(now) || isGone(now), 'can be removed', call);
        if (description === undefined) return;
      }
    }
    try {
      await this.#waitUntil(name, isGone, 'is removed', call);
    } catch (error) {
      // Who may remove need not be allowed to look: then it is gone a moment later.
      if (!(error instanceof StoreError && error.code === 'STORE_PERMISSION_DENIED')) throw error;
    }
  }

  #waitUntil(
    name: string,
    isReached: TableWait['isReached'],
    what: string,
    call: CallOptions | undefined,
  ): Promise<TableDescription | undefined> {
    const wait = { name, isReached, what, timeoutMs: this.#timeoutMs, setting: 'sideboard.dynamodb.table_timeout_ms' };
    return waitForDynamoTable(this.#client, wait, call);
  }

  #describe(name: string, call: CallOptions | undefined): Promise<TableDescription | undefined> {
    return describeDynamoTable(this.#client, name, call);
  }
}

const HARMLESS_FOR_TAGS = new Set(['STORE_PERMISSION_DENIED', 'STORE_UNSUPPORTED']);

function schemaOf(tags: readonly Tag[]): object {
  return {
    KeySchema: [{ AttributeName: ENTITY_ID, KeyType: 'HASH' }],
    AttributeDefinitions: [{ AttributeName: ENTITY_ID, AttributeType: 'S' }],
    // Without tags the permission to tag is not needed.
    ...(tags.length > 0 && { Tags: tags }),
  };
}

function isGone(description: TableDescription | undefined): boolean {
  return description === undefined;
}

function isFeastTable({ KeySchema = [], AttributeDefinitions = [] }: TableDescription): boolean {
  const [key] = KeySchema;
  const type = AttributeDefinitions.find(({ AttributeName }) => AttributeName === ENTITY_ID)?.AttributeType;
  return KeySchema.length === 1 && key?.AttributeName === ENTITY_ID && key.KeyType === 'HASH' && type === 'S';
}

/** The configuration's tags, with the view's own value where it has one, then the view's other tags, as Feast does. */
function tagsOf(common: Readonly<Record<string, string>>, own: Readonly<Record<string, string>>): Tag[] {
  const tags = new Map(Object.entries(common));
  for (const [key, value] of Object.entries(own)) if (value !== '' || !tags.has(key)) tags.set(key, value);
  return [...tags].map(([Key, Value]) => ({ Key, Value }));
}
