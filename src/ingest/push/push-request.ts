import { EncodingError } from '../../encoding/encoding-error.ts';
import { WIRE_BYTES, WIRE_VARINT, WireReader } from '../../encoding/wire.ts';
import { IngestError } from '../ingest-error.ts';
import { columnName } from './column-names.ts';

/** Field numbers of the two messages, which differ in what they have besides the row. */
const FIELDS = {
  PushRequest: { features: 1, name: 2, allowRegistryCache: 3, to: 4, typedFeatures: 5 },
  WriteToOnlineStoreRequest: { features: 1, name: 2, allowRegistryCache: 3, to: 0, typedFeatures: 4 },
} as const;

/** A `PushRequest` or `WriteToOnlineStoreRequest` (feast/serving/GrpcServer.proto), taken apart as far as writing needs. */
export interface PushRequest {
  /** Name of the push source, or of the view. */
  readonly name: string;
  /** `online`, `offline`, `online_and_offline`, or whatever was sent; empty in a WriteToOnlineStoreRequest. */
  readonly to: string;
  readonly allowRegistryCache: boolean;
  readonly row: PushedRow;
}

/** The row of a request by column. Values stay where they are in the request's bytes. */
export class PushedRow {
  readonly bytes: Buffer;
  /** Values are serialized `feast.types.Value` messages; otherwise text. */
  readonly isTyped: boolean;
  readonly #columns: ReadonlyMap<string, number>;
  readonly #spans: readonly number[];

  /** @param columns name to its place in `spans`, which has the start and the end of every value */
  constructor(bytes: Buffer, isTyped: boolean, columns: ReadonlyMap<string, number>, spans: readonly number[]) {
    this.bytes = bytes;
    this.isTyped = isTyped;
    this.#columns = columns;
    this.#spans = spans;
  }

  get isEmpty(): boolean {
    return this.#columns.size === 0;
  }

  names(): Iterable<string> {
    return this.#columns.keys();
  }

  /** The place of a column's value, for {@link startAt} and {@link endAt}; -1 for a column that was not sent. */
  placeOf(column: string): number {
    return this.#columns.get(column) ?? -1;
  }

  startAt(place: number): number {
    return this.#spans[place] ?? 0;
  }

  endAt(place: number): number {
    return this.#spans[place + 1] ?? 0;
  }

  /**
   * A value of a row that is not typed.
   * @throws EncodingError `MALFORMED_MESSAGE` for bytes that are not UTF-8
   */
  textAt(place: number): string {
    const [start, end] = [this.startAt(place), this.endAt(place)];
    if (isShortAscii(this.bytes, start, end)) return this.bytes.toString('latin1', start, end);
    try {
      return utf8.decode(this.bytes.subarray(start, end));
    } catch (cause) {
      throw new EncodingError('MALFORMED_MESSAGE', 'The text is not UTF-8.', { cause });
    }
  }
}

/** Looking at a few bytes costs less than calling a decoder for them. */
const SHORT = 64;

function isShortAscii(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > SHORT) return false;
  for (let at = start; at < end; at++) if ((bytes[at] as number) > 0x7f) return false;
  return true;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws IngestError `INGEST_MALFORMED_REQUEST` for bytes that are not such a message, and for a row in both forms */
export function parsePushRequest(message: Uint8Array, type: keyof typeof FIELDS): PushRequest {
  const bytes = Buffer.isBuffer(message)
    ? message
    : Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  try {
    return parse(bytes, type);
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
    throw new IngestError('INGEST_MALFORMED_REQUEST', `The request is not a ${type}: ${cause.message}`, {
      hint: 'Send the message of feast/serving/GrpcServer.proto.',
      cause,
    });
  }
}

function parse(bytes: Buffer, type: keyof typeof FIELDS): PushRequest {
  const field: Readonly<Record<keyof (typeof FIELDS)['PushRequest'], number>> = FIELDS[type];
  const reader = new WireReader(bytes);
  let name = '';
  let to = '';
  let allowRegistryCache = false;
  let isTyped: boolean | undefined;
  const columns = new Map<string, number>();
  const spans: number[] = [];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    const number = tag >>> 3;
    if ((tag & 7) === WIRE_BYTES) {
      if (number === field.features || number === field.typedFeatures) {
        const typed = number === field.typedFeatures;
        if (isTyped !== undefined && isTyped !== typed) throw rowInBothForms();
        isTyped = typed;
        addColumn(columns, spans, bytes, reader.delimited(), reader.pos);
      } else if (number === field.name) name = reader.string();
      else if (number === field.to) to = reader.string();
      else reader.skip(WIRE_BYTES);
    } else if (tag === field.allowRegistryCache * 8 + WIRE_VARINT) allowRegistryCache = reader.bool();
    else reader.skip(tag & 7);
  }
  return { name, to, allowRegistryCache, row: new PushedRow(bytes, isTyped ?? false, columns, spans) };
}

/** Reads an entry of either map. Of a column that is sent twice the last value counts. */
function addColumn(columns: Map<string, number>, spans: number[], bytes: Buffer, start: number, end: number): void {
  const reader = new WireReader(bytes, start, end);
  let name = '';
  let valueStart = end;
  let valueEnd = end;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x0a) name = nameIn(reader, bytes);
    else if (tag === 0x12) {
      valueStart = reader.delimited();
      valueEnd = reader.pos;
    } else reader.skip(tag & 7);
  }
  columns.set(name, spans.length);
  spans.push(valueStart, valueEnd);
}

function nameIn(reader: WireReader, bytes: Buffer): string {
  const before = reader.pos;
  const start = reader.delimited();
  const end = reader.pos;
  return columnName(bytes, start, end, () => {
    reader.pos = before;
    return reader.string();
  });
}

function rowInBothForms(): IngestError {
  return new IngestError('INGEST_MALFORMED_REQUEST', 'The request has a row in features and one in typed_features.', {
    hint: 'Send one of the two.',
  });
}
