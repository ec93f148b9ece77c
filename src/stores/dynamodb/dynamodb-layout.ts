import { EncodingError } from '../../encoding/encoding-error.ts';
import { murmur3x64_128 } from '../../encoding/murmur3.ts';
import { formatTimestamp, parseDateTime } from '../../encoding/timestamp.ts';
import type { EventTimestamp, OnlineRow } from '../online-store.ts';
import { asBuffer } from '../row-objects.ts';

/**
 * How Feast 0.67 lays rows out in DynamoDB: one table per view, one item per entity key.
 *
 *     entity_id  S  MurmurHash3 x64 128 of the serialized entity key (version 3), in hexadecimal; the partition key
 *     event_ts   S  the row's time as Python prints it: "2026-01-10 08:00:00.123456+00:00"
 *     values     M  feature name -> B: serialized feast.types.Value, empty for a null
 */
export const ENTITY_ID = 'entity_id';
export const EVENT_TIME = 'event_ts';
export const VALUES = 'values';

/** DynamoDB's limit for an item. */
const MAX_ITEM_BYTES = 400 * 1024;

const PLAIN_TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{6})?\+00:00$/;

/** An attribute's value in the form that the SDK takes. */
export type AttributeValue =
  | { readonly S: string }
  | { readonly N: string }
  | { readonly B: Uint8Array }
  | { readonly M: Readonly<Record<string, AttributeValue>> };

export type Item = Readonly<Record<string, AttributeValue>>;

/** The partition key for a serialized entity key. */
export function entityId(serializedKey: Uint8Array): string {
  return asBuffer(murmur3x64_128(serializedKey)).toString('hex');
}

/**
 * A time as Python's `str(datetime)` has it: a space, microseconds where there are some, and the zone.
 * @throws EncodingError outside the years 1 to 9999
 */
export function formatEventTime(time: EventTimestamp): string {
  const [date = '', clock = ''] = formatTimestamp(time.seconds, 0).slice(0, -1).split('T');
  const micros = Math.floor(time.nanos / 1000);
  return `${date} ${clock}${micros === 0 ? '' : `.${micros.toString().padStart(6, '0')}`}+00:00`;
}

/** True for a text as {@link formatEventTime} makes them. The order of such texts is that of their times: `+` stands before `.`. */
export function isPlainEventTime(text: string): boolean {
  return PLAIN_TIME.test(text);
}

/** Reads a stored time; `undefined` when the text is none. */
export function parseEventTime(text: string): EventTimestamp | undefined {
  try {
    const { seconds, nanos } = parseDateTime(text);
    return { seconds, nanos };
  } catch (error) {
    if (error instanceof EncodingError) return undefined;
    throw error;
  }
}

export function itemOf(id: string, time: string, values: OnlineRow['values']): Item {
  return { [ENTITY_ID]: { S: id }, [EVENT_TIME]: { S: time }, [VALUES]: { M: valuesOf(values) } };
}

function valuesOf(values: OnlineRow['values']): Record<string, AttributeValue> {
  return Object.fromEntries([...values].map(([name, bytes]) => [name, { B: bytes }]));
}

/** True for an item that DynamoDB refuses as too large. Its rule: names and values in bytes, and a little per entry. */
export function isTooLarge(time: string, values: OnlineRow['values']): boolean {
  let size = ENTITY_ID.length + 32 + EVENT_TIME.length + time.length + VALUES.length + 3;
  for (const [name, bytes] of values) size += 1 + Buffer.byteLength(name) + bytes.length;
  return size > MAX_ITEM_BYTES;
}
