import { EncodingError } from '../encoding/encoding-error.ts';
import { WIRE_BYTES, WIRE_VARINT, WireReader } from '../encoding/wire.ts';
import type { RequestLimits } from './request-limits.ts';
import { ServingError } from './serving-error.ts';

/** Field numbers of `feast.serving.GetOnlineFeaturesRequest`. */
const FIELD = {
  featureService: 1,
  features: 2,
  entities: 3,
  fullFeatureNames: 4,
  requestContext: 5,
  includeVersionMetadata: 6,
} as const;

/**
 * A request for features of a few views has a few columns; without a bound, comparing them with one another would take long. Those that
 * are sent again count too.
 */
export const MAX_COLUMNS = 1_000;

/** A client sends its list of features in one part; noting each of millions of parts would take many times their length. */
export const MAX_LIST_PARTS = 1_000;

/** One column of entity values or request data. Values stay where they are in the request's bytes. */
export interface RequestColumn {
  readonly name: string;
  /** How many values there are. */
  readonly rows: number;
  /**
   * Value i is the serialized `feast.types.Value` in `bytes[starts[i], ends[i])`. Of a column that is longer than a request may be,
   * only the first are noted.
   */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  /**
   * The whole `RepeatedValue` payload. Where `spliceable`, it holds the values and nothing else, and because `RepeatedValue.val`
   * and `FeatureVector.values` have the same field number it can be copied into the answer as it is.
   */
  readonly payloadStart: number;
  readonly payloadEnd: number;
  readonly spliceable: boolean;
}

/** A `GetOnlineFeaturesRequest`, taken apart only as far as answering needs. */
export interface OnlineFeaturesRequest {
  readonly bytes: Buffer;
  /** Equal for two requests exactly when the same plan answers both: everything but the values. */
  readonly planKey: string;
  readonly entities: readonly RequestColumn[];
  readonly requestContext: readonly RequestColumn[];
  readonly selection: FeatureSelection;
}

/** What is asked for. Decoded only when a plan has to be compiled. */
export interface FeatureSelection {
  readonly featureService: string | undefined;
  /** Of a list that is longer than a request may have, only the first ones. */
  readonly references: readonly string[];
  /** How many references there are. */
  readonly referenceCount: number;
  readonly fullFeatureNames: boolean;
  readonly includeVersionMetadata: boolean;
}

/**
 * How much of a request is noted; what is more is counted, so that a refusal can say how much it was. A few megabytes hold millions of
 * values or names, and what is noted of each takes several times its own length.
 */
export type RequestBounds = Pick<RequestLimits, 'maxEntities' | 'maxFeatures'>;

const UNBOUNDED: RequestBounds = { maxEntities: Number.POSITIVE_INFINITY, maxFeatures: Number.POSITIVE_INFINITY };

interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Takes a serialized `feast.serving.GetOnlineFeaturesRequest` apart.
 * @throws ServingError `MALFORMED_REQUEST` when the bytes are not such a message, `TOO_MANY_FEATURES` when it has too many columns.
 */
export function parseOnlineFeaturesRequest(
  message: Uint8Array,
  bounds: RequestBounds = UNBOUNDED,
): OnlineFeaturesRequest {
  const bytes = Buffer.isBuffer(message)
    ? message
    : Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  return refusingMalformed(() => parse(bytes, bounds));
}

function refusingMalformed<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof EncodingError)) throw error;
    throw new ServingError('MALFORMED_REQUEST', `The request is not a GetOnlineFeaturesRequest: ${error.message}`, {
      hint: 'Send the message of feast/serving/ServingService.proto.',
      cause: error,
    });
  }
}

function parse(bytes: Buffer, { maxEntities, maxFeatures }: RequestBounds): OnlineFeaturesRequest {
  const reader = new WireReader(bytes);
  let service: Span | undefined;
  let lists: Span[] = [];
  let fullFeatureNames = false;
  let includeVersionMetadata = false;
  const entities: RequestColumn[] = [];
  const requestContext: RequestColumn[] = [];
  let columns = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    const field = tag >>> 3;
    const wireType = tag & 7;
    if (wireType === WIRE_BYTES && field <= FIELD.requestContext) {
      const span = readSpan(reader);
      if ((field === FIELD.entities || field === FIELD.requestContext) && ++columns > MAX_COLUMNS)
        throw tooManyColumns();
      if (field === FIELD.entities) addColumn(entities, bytes, span, maxEntities);
      else if (field === FIELD.features) {
        // A oneof: whichever of the two kinds comes last on the wire counts; several feature lists are merged.
        service = undefined;
        if (lists.push(span) > MAX_LIST_PARTS) throw tooManyListParts();
      } else if (field === FIELD.featureService) {
        service = span;
        lists = [];
      } else if (field === FIELD.requestContext) addColumn(requestContext, bytes, span, maxEntities);
    } else if (wireType === WIRE_VARINT && field === FIELD.fullFeatureNames) fullFeatureNames = reader.bool();
    else if (wireType === WIRE_VARINT && field === FIELD.includeVersionMetadata) includeVersionMetadata = reader.bool();
    else reader.skip(wireType);
  }
  const flags = `${fullFeatureNames ? 'f' : ''}${includeVersionMetadata ? 'm' : ''}`;
  return {
    bytes,
    planKey: planKey(bytes, service, lists, flags, entities, requestContext),
    entities,
    requestContext,
    // Getters: a request that hits the plan cache never decodes its references.
    get selection(): FeatureSelection {
      return {
        featureService: service === undefined ? undefined : bytes.toString('utf8', service.start, service.end),
        ...refusingMalformed(() => readReferences(bytes, lists, maxFeatures)),
        fullFeatureNames,
        includeVersionMetadata,
      };
    },
  };
}

/**
 * The raw bytes that select features, plus the column names with their lengths, so that no two different selections can
 * meet in one key. Latin-1 keeps bytes apart one by one and is the cheapest way from bytes to a string.
 */
function planKey(
  bytes: Buffer,
  service: Span | undefined,
  lists: readonly Span[],
  flags: string,
  entities: readonly RequestColumn[],
  requestContext: readonly RequestColumn[],
): string {
  let key = flags;
  for (const column of entities) key += `|${column.name.length}:${column.name}`;
  for (const column of requestContext) key += `?${column.name.length}:${column.name}`;
  if (service !== undefined) return `${key}#s${bytes.toString('latin1', service.start, service.end)}`;
  key += '#l';
  for (const list of lists) key += bytes.toString('latin1', list.start, list.end);
  return key;
}

function readSpan(reader: WireReader): Span {
  const start = reader.delimited();
  return { start, end: reader.pos };
}

/** Reads one entry of `map<string, RepeatedValue>`. A column that is sent twice counts once, with its last values. */
function addColumn(columns: RequestColumn[], bytes: Buffer, entry: Span, maxRows: number): void {
  const reader = new WireReader(bytes, entry.start, entry.end);
  let name = '';
  let payload: Span | undefined;
  let more: Span[] | undefined;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x0a) {
      const span = readSpan(reader);
      name = bytes.toString('utf8', span.start, span.end);
    } else if (tag === 0x12) {
      const span = readSpan(reader);
      // A message that is sent in parts is all of them.
      if (payload === undefined) payload = span;
      else {
        more ??= [];
        more.push(span);
      }
    } else reader.skip(tag & 7);
  }
  const column = readColumn(name, bytes, payload ?? { start: entry.end, end: entry.end }, more, maxRows);
  const earlier = columns.findIndex((other) => other.name === name);
  if (earlier < 0) columns.push(column);
  else columns[earlier] = column;
}

function tooManyListParts(): ServingError {
  const message = `The request has its list of features in more than ${MAX_LIST_PARTS} parts.`;
  return new ServingError('TOO_MANY_FEATURES', message, { hint: 'Send the references as one list.' });
}

function tooManyColumns(): ServingError {
  return new ServingError('TOO_MANY_FEATURES', `The request has more than ${MAX_COLUMNS} columns.`, {
    hint: 'Send the join keys of the requested views, and what their on-demand features need.',
  });
}

function readColumn(
  name: string,
  bytes: Buffer,
  payload: Span,
  more: readonly Span[] | undefined,
  maxRows: number,
): RequestColumn {
  const starts: number[] = [];
  const ends: number[] = [];
  let rows = 0;
  // Whether the column holds values and nothing else, in one piece.
  let spliceable = more === undefined;
  for (let part: Span | undefined = payload, next = 0; part !== undefined; part = more?.[next++]) {
    const reader = new WireReader(bytes, part.start, part.end);
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === 0x0a) {
        const start = reader.delimited();
        if (rows++ < maxRows) {
          starts.push(start);
          ends.push(reader.pos);
        }
      } else {
        spliceable = false;
        reader.skip(tag & 7);
      }
    }
  }
  return { name, rows, starts, ends, payloadStart: payload.start, payloadEnd: payload.end, spliceable };
}

function readReferences(
  bytes: Buffer,
  lists: readonly Span[],
  maxFeatures: number,
): Pick<FeatureSelection, 'references' | 'referenceCount'> {
  const references: string[] = [];
  let referenceCount = 0;
  for (const list of lists) {
    const reader = new WireReader(bytes, list.start, list.end);
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === 0x0a) {
        const start = reader.delimited();
        if (referenceCount++ < maxFeatures) references.push(bytes.toString('utf8', start, reader.pos));
      } else reader.skip(tag & 7);
    }
  }
  return { references, referenceCount };
}
