import { describeTable } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';
import { corruptAnswer, listIn, parseAnswer } from './dynamodb-answer.ts';
import { ENTITY_ID, EVENT_TIME, parseEventTime, VALUES } from './dynamodb-layout.ts';
import type { ItemTarget, TablePlan, WantedItems } from './dynamodb-read-plan.ts';

/** An answer to BatchGetItem as DynamoDB sends it: JSON, bytes in base64. */
interface BatchGetAnswer {
  readonly Responses?: Readonly<Record<string, readonly StoredItem[]>>;
  readonly UnprocessedKeys?: Readonly<Record<string, { readonly Keys?: readonly StoredItem[] } | null>>;
}

/** What stands between DynamoDB and here may send anything in place of an item, nothing included. */
type StoredItem = Readonly<Record<string, StoredValue | undefined>> | null;

interface StoredValue {
  readonly S?: unknown;
  readonly B?: unknown;
  readonly M?: Readonly<Record<string, StoredValue | null>>;
}

/**
 * Fills blocks from the answer to a BatchGetItem.
 *
 * Values are decoded into the answer's own bytes, one behind the other, where the blocks' cells refer to them: base64 takes more
 * room than what it stands for, and the text was copied when it was parsed.
 *
 * @param body the answer; overwritten
 * @returns what DynamoDB left for another request, which is not the same as what it does not have
 * @throws StoreError `STORE_CORRUPT` or `STORE_WRONG_LAYOUT`
 */
export function takeAnswer(body: Buffer, wanted: WantedItems, where: string): WantedItems {
  const answer = parseAnswer(body, where) as BatchGetAnswer;
  const plans = new Map([...wanted.keys()].map((plan) => [plan.name, plan]));
  const writer: ValueWriter = { bytes: body, end: 0 };
  for (const [name, items] of Object.entries(answer.Responses ?? {})) {
    const plan = plans.get(name);
    if (plan === undefined) throw corruptAnswer(where, 'items of a table that was not asked for');
    for (const item of listIn(items, where)) takeItem(item, plan, writer, where);
  }
  const left = new Map<TablePlan, string[]>();
  for (const [name, unprocessed] of Object.entries(answer.UnprocessedKeys ?? {})) {
    const plan = plans.get(name);
    if (plan === undefined) throw corruptAnswer(where, 'unprocessed keys of a table that was not asked for');
    const ids = listIn(unprocessed?.Keys, where).map((key) => idOf(key, plan, where));
    if (ids.length > 0) left.set(plan, ids);
  }
  return left;
}

/** Where the next value goes. */
interface ValueWriter {
  readonly bytes: Buffer;
  end: number;
}

function takeItem(item: StoredItem, plan: TablePlan, writer: ValueWriter, where: string): void {
  const targets = plan.items.get(idOf(item, plan, where)) as readonly ItemTarget[];
  const [first] = targets;
  if (first === undefined) return;
  const text = item?.[EVENT_TIME]?.S;
  if (typeof text !== 'string') throw wrongLayout(first, `has no ${EVENT_TIME} text`);
  const time = parseEventTime(text);
  if (time === undefined) {
    throw new StoreError('STORE_CORRUPT', `An item of ${nameOf(first)} has an ${EVENT_TIME} that is not a time.`, {
      hint: 'Write the row again.',
    });
  }
  // Without any of the features asked for, the map itself is left out.
  const values = item?.[VALUES]?.M ?? {};
  for (const { read, rows } of targets) {
    const { block, features } = read;
    for (const row of rows) block.setRow(row, time.seconds, time.nanos);
    for (let feature = 0; feature < features.length; feature++) {
      const name = features[feature] as string;
      const value = Object.hasOwn(values, name) ? values[name] : undefined;
      if (value === undefined) continue;
      if (typeof value?.B !== 'string') throw wrongLayout(first, 'holds a feature that is not binary');
      const start = writer.end;
      writer.end += writer.bytes.write(value.B, start, 'base64');
      for (const row of rows) block.setValue(row, feature, writer.bytes, start, writer.end);
    }
  }
}

/** @throws StoreError `STORE_CORRUPT` for an item that was not asked for */
function idOf(item: StoredItem, plan: TablePlan, where: string): string {
  const id = item?.[ENTITY_ID]?.S;
  if (typeof id === 'string' && plan.items.has(id)) return id;
  throw corruptAnswer(where, `an item of table ${plan.name} that was not asked for`);
}

function nameOf({ read }: ItemTarget): string {
  return `${describeTable(read.table)} in DynamoDB`;
}

function wrongLayout(target: ItemTarget, what: string): StoreError {
  return new StoreError('STORE_WRONG_LAYOUT', `An item of ${nameOf(target)} ${what}.`, {
    hint: 'Another program writes into the table; check table_name_template.',
  });
}
