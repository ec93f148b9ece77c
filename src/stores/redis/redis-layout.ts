import { EncodingError } from '../../encoding/encoding-error.ts';
import { serializeEntityKeyPrefix } from '../../encoding/entity-key.ts';
import { murmur3x86_32 } from '../../encoding/murmur3.ts';
import { MAX_SECONDS, MIN_SECONDS } from '../../encoding/timestamp.ts';
import { timestampSize, WireReader, writeTimestamp } from '../../encoding/wire.ts';
import type { EventTimestamp, OnlineTable } from '../online-store.ts';
import { asBuffer } from '../row-objects.ts';

/**
 * How Feast 0.67 lays rows out in Redis: one hash per entity key and project, shared by all views with these join keys.
 *
 *     key     serialized entity key (version 3) · project name (UTF-8)
 *     field   MurmurHash3 x86 32 of "<view>:<feature>", 4 bytes, little-endian  ->  serialized feast.types.Value
 *     field   "_ts:<view>"                                                      ->  serialized Timestamp of the row
 *
 * A null is an empty value, a time of exactly 1970 an empty Timestamp.
 */

const TIME_PREFIX = '_ts:';
const encoder = new TextEncoder();

export function redisKey(entityKey: Uint8Array, project: Uint8Array): Buffer {
  return Buffer.concat([entityKey, project]);
}

export function projectSuffix(project: string): Buffer {
  return Buffer.from(project, 'utf8');
}

export function featureField(table: string, feature: string): Buffer {
  const field = Buffer.allocUnsafe(4);
  field.writeUInt32LE(murmur3x86_32(encoder.encode(`${table}:${feature}`)));
  return field;
}

export function timeField(table: string): Buffer {
  return Buffer.from(TIME_PREFIX + table, 'utf8');
}

/** The view that a `_ts:` field belongs to; `undefined` for any other field. */
export function tableOfTimeField(field: Buffer): string | undefined {
  // A feature's field has four bytes and may be the prefix itself by chance of its hash; no view has an empty name.
  return field.length > 4 && field.toString('latin1', 0, 4) === TIME_PREFIX ? field.toString('utf8', 4) : undefined;
}

/** The fields to ask for: one per feature, then the row's time. */
export function fieldsOfTable(table: OnlineTable, features: readonly string[]): Buffer[] {
  return [...features.map((feature) => featureField(table.name, feature)), timeField(table.name)];
}

/** A Timestamp of whole microseconds, as Feast writes it. */
export function encodeTime(time: EventTimestamp): Buffer {
  const nanos = wholeMicros(time.nanos);
  const out = Buffer.allocUnsafe(timestampSize(time.seconds, nanos));
  writeTimestamp(out, 0, time.seconds, nanos);
  return out;
}

/** Python's times have no nanoseconds. */
export function wholeMicros(nanos: number): number {
  return nanos - (nanos % 1000);
}

/** Reads a serialized Timestamp; `undefined` when the bytes are none. */
export function decodeTime(bytes: Uint8Array, start = 0, end = bytes.length): EventTimestamp | undefined {
  let seconds = 0;
  let nanos = 0;
  try {
    const reader = new WireReader(bytes, start, end);
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === 0x08) seconds = reader.int64Number();
      else if (tag === 0x10) nanos = reader.int32();
      else return undefined;
    }
  } catch (error) {
    if (error instanceof EncodingError) return undefined;
    throw error;
  }
  const inRange = seconds >= MIN_SECONDS && seconds <= MAX_SECONDS && nanos >= 0 && nanos <= 999_999_999;
  return inRange ? { seconds, nanos } : undefined;
}

/** SCAN pattern for the keys of these join keys in this project; what it finds must still pass {@link isKeyOfProject}. */
export function scanPattern(joinKeys: readonly string[], project: Buffer): Buffer {
  return Buffer.concat([
    escapeGlob(asBuffer(serializeEntityKeyPrefix(joinKeys))),
    Buffer.from('*'),
    escapeGlob(project),
  ]);
}

/** SCAN pattern for every key that ends like those of the project. */
export function projectPattern(project: Buffer): Buffer {
  return Buffer.concat([Buffer.from('*'), escapeGlob(project)]);
}

/**
 * True when `key` is exactly an entity key of `joinKeys` followed by the project's name. A pattern alone cannot tell: the
 * keys of a project "b" end like those of a project "ab".
 */
export function isKeyOfProject(key: Buffer, joinKeys: readonly string[], project: Buffer): boolean {
  let pos = serializeEntityKeyPrefix(joinKeys).length;
  for (let value = 0; value < joinKeys.length; value++) {
    if (pos + 8 > key.length) return false;
    pos += 8 + key.readUInt32LE(pos + 4);
  }
  return pos <= key.length && key.subarray(pos).equals(project);
}

const GLOB = new Set([...'*?[]\\^-'].map((character) => character.charCodeAt(0)));

/** Bytes that a SCAN pattern takes literally. */
export function escapeGlob(bytes: Buffer): Buffer {
  const out: number[] = [];
  for (const byte of bytes) {
    if (GLOB.has(byte)) out.push(0x5c);
    out.push(byte);
  }
  return Buffer.from(out);
}
