import type { TableRead } from '../online-store.ts';
import { ENTITY_ID, EVENT_TIME, entityId, VALUES } from './dynamodb-layout.ts';

/** Where an item's values go: a read, and the rows of it that asked for the item. */
export interface ItemTarget {
  readonly read: TableRead;
  readonly rows: number[];
}

/** All reads of one request that go to one table of DynamoDB. */
export interface TablePlan {
  readonly name: string;
  readonly projection: Projection | undefined;
  /** By the item's partition key. */
  readonly items: ReadonlyMap<string, readonly ItemTarget[]>;
}

/** What is asked for of every item; nothing where items are wanted whole. */
export interface Projection {
  readonly ProjectionExpression: string;
  readonly ExpressionAttributeNames: Readonly<Record<string, string>>;
}

/** Partition keys to ask for, table by table. */
export type WantedItems = ReadonlyMap<TablePlan, readonly string[]>;

/** DynamoDB takes no longer expressions. */
const MAX_EXPRESSION_BYTES = 4096;

/** Gathers reads by table: DynamoDB refuses a request that names a table or an item twice. */
export function planReads(reads: readonly TableRead[], nameOf: (read: TableRead) => string): TablePlan[] {
  const byName = new Map<string, { readonly reads: TableRead[]; readonly items: Map<string, ItemTarget[]> }>();
  // Views with the same join keys come with the same list of keys: each is hashed once.
  const hashed = new Map<readonly Uint8Array[], readonly string[]>();
  for (const read of reads) {
    if (read.keys.length === 0) continue;
    const name = nameOf(read);
    const table = byName.get(name) ?? { reads: [], items: new Map<string, ItemTarget[]>() };
    byName.set(name, table);
    table.reads.push(read);
    const ids = hashed.get(read.keys) ?? read.keys.map(entityId);
    hashed.set(read.keys, ids);
    for (const [row, id] of ids.entries()) addTarget(table.items, id, read, row);
  }
  return [...byName].map(([name, { reads: ofTable, items }]) => ({ name, items, projection: projectionOf(ofTable) }));
}

function addTarget(items: Map<string, ItemTarget[]>, id: string, read: TableRead, row: number): void {
  const targets = items.get(id);
  if (targets === undefined) {
    items.set(id, [{ read, rows: [row] }]);
    return;
  }
  const last = targets[targets.length - 1];
  if (last?.read === read) last.rows.push(row);
  else targets.push({ read, rows: [row] });
}

/** Cuts everything that is wanted into requests of at most `size` items, each of as many tables as fit. */
export function requestsOf(plans: readonly TablePlan[], size: number): WantedItems[] {
  const requests: Map<TablePlan, string[]>[] = [];
  let request = new Map<TablePlan, string[]>();
  let room = 0;
  for (const plan of plans) {
    const ids = [...plan.items.keys()];
    for (let start = 0; start < ids.length; ) {
      if (room === 0) {
        request = new Map();
        requests.push(request);
        room = size;
      }
      const part = ids.slice(start, start + room);
      request.set(plan, part);
      start += part.length;
      room -= part.length;
    }
  }
  return requests;
}

/** The input of a BatchGetItem. */
export function batchGetInput(wanted: WantedItems, isConsistent: boolean): object {
  const tables = [...wanted].map(([plan, ids]) => [
    plan.name,
    { Keys: ids.map((id) => ({ [ENTITY_ID]: { S: id } })), ConsistentRead: isConsistent, ...plan.projection },
  ]);
  return { RequestItems: Object.fromEntries(tables) };
}

/** A compiled plan comes with the same list of features every time. */
const knownProjections = new WeakMap<readonly string[], Projection>();

function projectionOf(reads: readonly TableRead[]): Projection | undefined {
  const [first] = reads;
  if (first === undefined) return undefined;
  if (reads.length > 1) return project([...new Set(reads.flatMap(({ features }) => features))], first);
  const { features } = first;
  const known = knownProjections.get(features);
  if (known !== undefined) return known;
  const projection = project(features, first);
  if (projection !== undefined) knownProjections.set(features, projection);
  return projection;
}

/** Nothing where all features are asked for anyway, and where a request could not hold the names. */
function project(features: readonly string[], { table }: TableRead): Projection | undefined {
  if (table.features.length > 0 && features.length >= table.features.length) {
    const asked = new Set(features);
    if (table.features.every(({ name }) => asked.has(name))) return undefined;
  }
  const expression = ['#e', '#t', ...features.map((_, index) => `#v.#${index}`)].join(',');
  if (expression.length > MAX_EXPRESSION_BYTES) return undefined;
  const names: Record<string, string> = { '#e': ENTITY_ID, '#t': EVENT_TIME };
  if (features.length > 0) names['#v'] = VALUES;
  for (const [index, feature] of features.entries()) names[`#${index}`] = feature;
  return { ProjectionExpression: expression, ExpressionAttributeNames: names };
}
