import { fromBinary } from '@bufbuild/protobuf';
import { type OnlineReadRequest, OnlineReadRequestSchema } from '../../../gen/feast/serving/Connector_pb.ts';
import { ByteWriter } from '../../encoding/byte-writer.ts';
import type { RegistryRevision } from '../../serving/call-observer.ts';
import { assertFeatures, assertRows, type RequestLimits } from '../../serving/request-limits.ts';
import type { ServedCall } from '../../serving/served-call.ts';
import { ServingError } from '../../serving/serving-error.ts';
import type { OnlineStore, OnlineTable, StoredRow } from '../../stores/online-store.ts';
import type { ServiceTable } from './service-table.ts';

const DELIMITED = 2;
const VARINT = 0;

export interface ConnectorServiceOptions {
  readonly store: OnlineStore;
  /** The table that is stored under this name; `undefined` where the registry has none. */
  readonly table: (name: string) => OnlineTable | undefined;
  /** The registry that the tables are of now. */
  readonly revision: () => RegistryRevision;
  /** How much a request may ask for. Without them its size alone bounds it. */
  readonly limits?: RequestLimits;
}

/**
 * Feast's `grpc.connector.OnlineStore`: lets other programs read a store of ours. A value goes out as the bytes that are stored; a
 * null is a value that is set to nothing, a feature that is not stored is left out, and a row that is missing is an empty list.
 *
 * A request without a view and without keys is answered by an empty message once the store has answered a ping.
 */
export function createConnectorService({
  store,
  table: tableOf,
  revision,
  limits,
}: ConnectorServiceOptions): ServiceTable {
  return [
    {
      path: '/grpc.connector.OnlineStore/OnlineRead',
      async handle(message, call) {
        const { view, entityKeys, features } = parseRequest(message);
        if (view === '' && entityKeys.length === 0) {
          await store.ping(call);
          return new Uint8Array();
        }
        const table = tableOf(view);
        if (table === undefined) {
          throw new ServingError('UNKNOWN_FEATURE_VIEW', `The registry has no view that is stored as "${view}".`);
        }
        const asked = features.length > 0 ? features : table.features.map(({ name }) => name);
        if (limits !== undefined) {
          assertFeatures(asked.length, limits);
          assertRows(entityKeys.length, asked.length, limits);
        }
        const what = { service: undefined, views: [view], features: asked.length };
        call.observer?.asked(what, entityKeys.length, revision());
        return encodeRows(view, asked, await readObserved(store, table, entityKeys, asked, call));
      },
    },
  ];
}

async function readObserved(
  store: OnlineStore,
  table: OnlineTable,
  keys: OnlineReadRequest['entityKeys'],
  features: readonly string[],
  call: ServedCall,
): Promise<readonly (StoredRow | undefined)[]> {
  const reading = call.observer?.reading([{ table, keys }]);
  try {
    const rows = await store.onlineRead(table, keys, features, call);
    reading?.ended(
      undefined,
      rows.reduce((found, row) => found + (row === undefined ? 0 : 1), 0),
    );
    return rows;
  } catch (error) {
    reading?.ended(error);
    throw error;
  }
}

function parseRequest(message: Uint8Array): OnlineReadRequest {
  try {
    return fromBinary(OnlineReadRequestSchema, message);
  } catch (cause) {
    throw new ServingError('MALFORMED_REQUEST', 'The request is not an OnlineReadRequest message.', { cause });
  }
}

/** A serialized `OnlineReadResponse`. */
function encodeRows(view: string, features: readonly string[], rows: readonly (StoredRow | undefined)[]): Uint8Array {
  const references = features.map((feature) => encodeReference(view, feature));
  const out = new ByteWriter(1024);
  for (const row of rows) {
    const start = out.pos;
    if (row !== undefined) {
      const time = encodeTime(row.eventTimestamp.seconds, row.eventTimestamp.nanos);
      for (const [index, feature] of features.entries()) {
        const value = row.values.get(feature);
        if (value !== undefined) encodeFeature(out, references[index] ?? new Uint8Array(), time, value);
      }
    }
    out.prefixLength(start);
    out.prefixTag(start, 1, DELIMITED);
  }
  return out.finish();
}

function encodeFeature(out: ByteWriter, reference: Uint8Array, time: Uint8Array, value: Uint8Array): void {
  const start = out.pos;
  for (const [field, bytes] of [reference, time, value].entries()) {
    out.tag(field + 1, DELIMITED);
    out.delimited(bytes);
  }
  out.prefixLength(start);
  out.prefixTag(start, 1, DELIMITED);
}

function encodeReference(view: string, feature: string): Uint8Array {
  const out = new ByteWriter();
  for (const [field, name] of [view, feature].entries()) {
    out.tag(field + 1, DELIMITED);
    out.text(name);
  }
  return out.finish();
}

function encodeTime(seconds: number, nanos: number): Uint8Array {
  const out = new ByteWriter();
  out.tag(1, VARINT);
  out.int64(seconds);
  if (nanos !== 0) {
    out.tag(2, VARINT);
    out.int64(nanos);
  }
  return out.finish();
}
