import { create, toBinary } from '@bufbuild/protobuf';
import { OnlineReadRequestSchema } from '../../../gen/feast/serving/Connector_pb.ts';
import type { EntityKey } from '../../../gen/feast/types/EntityKey_pb.ts';
import { EncodingError } from '../../encoding/encoding-error.ts';
import { WireReader } from '../../encoding/wire-reader.ts';
import type { EventTimestamp, OnlineTable, StoredRow } from '../online-store.ts';
import { describeTable } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';

// The messages of proto/feast/serving/Connector.proto. Answers are read where they stand: a value goes on as the bytes it came in.

/** The one method of `grpc.connector.OnlineStore`. */
export const ONLINE_READ = '/grpc.connector.OnlineStore/OnlineRead';

const DELIMITED = 2;
const RESULTS = (1 << 3) | DELIMITED;
const FEATURES = (1 << 3) | DELIMITED;
const REFERENCE = (1 << 3) | DELIMITED;
const TIMESTAMP = (2 << 3) | DELIMITED;
const VALUE = (3 << 3) | DELIMITED;
const FEATURE_NAME = (2 << 3) | DELIMITED;
const SECONDS = 1 << 3;
const NANOS = 2 << 3;

/** A serialized `OnlineReadRequest`. */
export function encodeReadRequest(
  view: string,
  entityKeys: readonly EntityKey[],
  features: readonly string[],
): Uint8Array {
  const request = create(OnlineReadRequestSchema, { view, entityKeys: [...entityKeys], features: [...features] });
  return toBinary(OnlineReadRequestSchema, request);
}

/**
 * The rows of a serialized `OnlineReadResponse`, one per entity key that was asked for. A list without values is a missing row: the
 * protocol has no other form for one.
 * @throws StoreError `STORE_CORRUPT` for bytes that are not such a message, lists that are too many or too few, values without a name
 */
export function decodeReadResponse(
  bytes: Uint8Array,
  table: OnlineTable,
  entities: number,
  features: readonly string[],
): (StoredRow | undefined)[] {
  const wanted = new Set(features);
  const rows: (StoredRow | undefined)[] = [];
  try {
    const reader = new WireReader(bytes);
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === RESULTS) rows.push(readRow(reader.message(), wanted));
      else reader.skip(tag & 7);
    }
  } catch (error) {
    if (!(error instanceof EncodingError)) throw error;
    throw corrupt(table, 'is not an OnlineReadResponse', error);
  }
  if (rows.length !== entities) throw corrupt(table, `has ${rows.length} results for ${entities} entity keys`);
  return rows;
}

function readRow(reader: WireReader, wanted: ReadonlySet<string>): StoredRow | undefined {
  const values = new Map<string, Uint8Array>();
  let newest: EventTimestamp | undefined;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== FEATURES) {
      reader.skip(tag & 7);
      continue;
    }
    const { name, value, time } = readFeature(reader.message());
    if (newest === undefined || isLater(time, newest)) newest = time;
    if (wanted.has(name)) values.set(name, value);
  }
  return newest && { eventTimestamp: newest, values };
}

function readFeature(reader: WireReader): { name: string; value: Uint8Array; time: EventTimestamp } {
  let name = '';
  // A value that is not set is a null, whether the field is there or not.
  let value: Uint8Array = new Uint8Array();
  let time: EventTimestamp = { seconds: 0, nanos: 0 };
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === REFERENCE) name = readName(reader.message());
    else if (tag === TIMESTAMP) time = readTime(reader.message());
    else if (tag === VALUE) value = reader.bytes();
    else reader.skip(tag & 7);
  }
  if (name === '') throw new EncodingError('MALFORMED_MESSAGE', 'A value does not say which feature it is of.');
  return { name, value, time };
}

function readName(reader: WireReader): string {
  let name = '';
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === FEATURE_NAME) name = reader.string();
    else reader.skip(tag & 7);
  }
  return name;
}

function readTime(reader: WireReader): EventTimestamp {
  let seconds = 0;
  let nanos = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === SECONDS) seconds = reader.int64Number();
    else if (tag === NANOS) nanos = reader.int32();
    else reader.skip(tag & 7);
  }
  if (nanos < 0 || nanos > 999_999_999) {
    throw new EncodingError('MALFORMED_MESSAGE', 'A timestamp has nanoseconds outside of a second.');
  }
  return { seconds, nanos };
}

function isLater(a: EventTimestamp, b: EventTimestamp): boolean {
  return a.seconds > b.seconds || (a.seconds === b.seconds && a.nanos > b.nanos);
}

function corrupt(table: OnlineTable, what: string, cause?: unknown): StoreError {
  return new StoreError('STORE_CORRUPT', `The store process's answer for ${describeTable(table)} ${what}.`, {
    hint: 'One ConnectorFeatureList per entity key in their order, each ConnectorFeature with a reference that names it.',
    cause,
  });
}
