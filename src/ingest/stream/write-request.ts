import { EncodingError } from '../../encoding/encoding-error.ts';
import { WIRE_BYTES, WIRE_VARINT, WireReader } from '../../encoding/wire.ts';
import type { EventTimestamp } from '../../stores/online-store.ts';
import { IngestError } from '../ingest-error.ts';

/** Field numbers of `sideboard.v1.WriteRequest`. */
const FIELD = { batchId: 1, featureView: 2, columns: 3, eventTimestamps: 4, createdTimestamps: 5 } as const;

/** A column of a batch: value `i` is the serialized `feast.types.Value` in `bytes[starts[i], ends[i])` of the batch. */
export interface BatchColumn {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** A `sideboard.v1.WriteRequest`, taken apart as far as writing needs. Values stay where they are in its bytes. */
export interface WriteRequest {
  readonly bytes: Buffer;
  readonly batchId: bigint;
  readonly featureView: string;
  readonly columns: ReadonlyMap<string, BatchColumn>;
  readonly eventTimestamps: readonly EventTimestamp[];
  readonly createdTimestamps: readonly EventTimestamp[];
}

/** What a row has beside its columns: its place, its key and its times. */
const CELLS_PER_ROW = 3;

/**
 * How many objects the rows of a batch become, about: what they take in memory has more to do with that than with the length of the
 * message. Nothing is taken apart for it; 0 for bytes that are not a message.
 */
export function countCells(message: Uint8Array): number {
  let rows = 0;
  let columns = 0;
  try {
    const reader = new WireReader(message);
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === FIELD.eventTimestamps * 8 + WIRE_BYTES) rows++;
      else if (tag === FIELD.columns * 8 + WIRE_BYTES) columns++;
      reader.skip(tag & 7);
    }
  } catch (error) {
    if (error instanceof EncodingError) return 0;
    throw error;
  }
  return rows * (columns + CELLS_PER_ROW);
}

/** @throws IngestError `INGEST_MALFORMED_BATCH` for bytes that are not such a message */
export function parseWriteRequest(message: Uint8Array): WriteRequest {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  try {
    return parse(bytes);
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
    throw new IngestError('INGEST_MALFORMED_BATCH', `The batch is not a WriteRequest: ${cause.message}`, {
      hint: 'Send the message of sideboard/v1/ingest.proto.',
      cause,
    });
  }
}

function parse(bytes: Buffer): WriteRequest {
  const reader = new WireReader(bytes);
  let batchId = 0n;
  let featureView = '';
  const columns = new Map<string, BatchColumn>();
  const eventTimestamps: EventTimestamp[] = [];
  const createdTimestamps: EventTimestamp[] = [];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === FIELD.batchId * 8 + WIRE_VARINT) batchId = BigInt.asUintN(64, reader.int64());
    else if (tag === FIELD.featureView * 8 + WIRE_BYTES) featureView = reader.string();
    else if (tag === FIELD.columns * 8 + WIRE_BYTES) readColumn(columns, reader.message());
    else if (tag === FIELD.eventTimestamps * 8 + WIRE_BYTES) eventTimestamps.push(readTime(reader.message()));
    else if (tag === FIELD.createdTimestamps * 8 + WIRE_BYTES) createdTimestamps.push(readTime(reader.message()));
    else reader.skip(tag & 7);
  }
  return { bytes, batchId, featureView, columns, eventTimestamps, createdTimestamps };
}

/** An entry of the map. As in every map of protobuf, of a name that stands twice the last entry counts. */
function readColumn(columns: Map<string, BatchColumn>, entry: WireReader): void {
  let name = '';
  const starts: number[] = [];
  const ends: number[] = [];
  for (let tag = entry.tag(); tag !== 0; tag = entry.tag()) {
    if (tag === 0x0a) name = entry.string();
    else if (tag === 0x12) {
      // Two parts of a message are the message of both.
      const values = entry.message();
      for (let inner = values.tag(); inner !== 0; inner = values.tag()) {
        if (inner === 0x0a) {
          starts.push(values.delimited());
          ends.push(values.pos);
        } else values.skip(inner & 7);
      }
    } else entry.skip(tag & 7);
  }
  columns.set(name, { starts, ends });
}

function readTime(reader: WireReader): EventTimestamp {
  let seconds = 0;
  let nanos = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x08) seconds = reader.int64Number();
    else if (tag === 0x10) nanos = reader.int32();
    else reader.skip(tag & 7);
  }
  return { seconds, nanos };
}
