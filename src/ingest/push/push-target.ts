import { create, fromBinary } from '@bufbuild/protobuf';
import { EntityKeySchema } from '../../../gen/feast/types/EntityKey_pb.ts';
import { type Value, ValueSchema, ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import { EncodingError } from '../../encoding/encoding-error.ts';
import { decodeValue, isNullValue } from '../../encoding/value.ts';
import { type ValueTypeInfo, valueTypeInfo, valueTypeName } from '../../encoding/value-type.ts';
import { dummyEntity } from '../../registry/dummy-entity.ts';
import type { FeatureViewSpec } from '../../registry/registry-snapshot.ts';
import type { EventTimestamp, OnlineRow, OnlineTable } from '../../stores/online-store.ts';
import { IngestError, type IngestErrorCode } from '../ingest-error.ts';
import type { PushedRow } from './push-request.ts';
import { timeFromPushed } from './pushed-time.ts';
import { valueFromPushedText, valueFromPushedValue } from './pushed-value.ts';

/** A view that rows are pushed to, prepared once per generation of the registry. */
export interface PushTarget {
  readonly view: FeatureViewSpec;
  readonly table: OnlineTable;
  /**
   * The row as the registry types it; `undefined` where all its features are null: as in Feast, nothing is stored of such a row.
   * @throws IngestError `INGEST_MISSING_COLUMN`, `INGEST_BAD_VALUE` or `INGEST_BAD_TIMESTAMP`, naming view and column
   */
  rowFrom(row: PushedRow): OnlineRow | undefined;
}

interface TypedColumn {
  readonly name: string;
  readonly info: ValueTypeInfo;
  readonly vectorLength?: number | undefined;
}

/** What an entity key can hold. */
const KEY_TYPES: ReadonlySet<ValueType_Enum> = new Set([
  ValueType_Enum.STRING,
  ValueType_Enum.BYTES,
  ValueType_Enum.INT32,
  ValueType_Enum.INT64,
  ValueType_Enum.UNIX_TIMESTAMP,
]);

/** @throws IngestError `INGEST_VIEW_NOT_WRITABLE` for a view that no row can be made for */
export function createPushTarget(view: FeatureViewSpec, table: OnlineTable): PushTarget {
  const { timestampField, createdTimestampField } = view;
  if (timestampField === '') {
    throw new IngestError('INGEST_VIEW_NOT_WRITABLE', `The source of feature view "${view.name}" names no timestamp.`, {
      hint: 'Give the source a timestamp_field and run `feast apply`.',
    });
  }
  const keys = view.joinKeys.map(({ name, valueType }) => typedColumn(view, name, valueType, KEY_TYPES));
  const features = view.features.map(({ name, valueType, vectorLength }): TypedColumn => {
    return { ...typedColumn(view, name, valueType), vectorLength };
  });
  const joinKeys = keys.map(({ name }) => name);
  return {
    view,
    table,
    rowFrom(row) {
      const eventTimestamp = timeIn(view, row, timestampField);
      const created = createdTimestampField === '' ? undefined : timeIn(view, row, createdTimestampField);
      const entityValues = keys.map((column) => keyValue(view, row, column));
      const values = new Map<string, Uint8Array>();
      let allNull = features.length > 0;
      for (const column of features) {
        const value = valueIn(view, row, column, 'feature');
        if (column.vectorLength !== undefined) assertLength(view, column, value);
        values.set(column.name, value);
        allNull &&= value.length === 0;
      }
      if (allNull) return undefined;
      const entityKey = create(EntityKeySchema, { joinKeys, entityValues });
      return created === undefined
        ? { entityKey, values, eventTimestamp }
        : { entityKey, values, eventTimestamp, createdTimestamp: created };
    },
  };
}

function typedColumn(
  view: FeatureViewSpec,
  name: string,
  type: ValueType_Enum,
  allowed?: ReadonlySet<ValueType_Enum>,
): TypedColumn {
  const info = valueTypeInfo(type);
  if (info !== undefined && info.kind !== 'null' && (allowed === undefined || allowed.has(info.type))) {
    return { name, info };
  }
  throw new IngestError(
    'INGEST_VIEW_NOT_WRITABLE',
    `${place(view, name)}: the registry gives the type ${valueTypeName(type)}, which cannot be written there.`,
  );
}

const emptyText = create(ValueSchema, { val: { case: 'stringVal', value: '' } });

function keyValue(view: FeatureViewSpec, row: PushedRow, column: TypedColumn): Value {
  if (column.name === dummyEntity.joinKey) return emptyText;
  const bytes = valueIn(view, row, column, 'join key');
  if (!isNullValue(bytes)) return fromBinary(ValueSchema, bytes);
  throw new IngestError('INGEST_BAD_VALUE', `${place(view, column.name)}: a join key cannot be null.`, {
    hint: 'Leave out rows without an entity.',
  });
}

function valueIn(view: FeatureViewSpec, row: PushedRow, { name, info }: TypedColumn, role: string): Uint8Array {
  const at = placeIn(view, row, name, role);
  try {
    return row.isTyped
      ? valueFromPushedValue(row.bytes, row.startAt(at), row.endAt(at), info)
      : valueFromPushedText(row.textAt(at), info);
  } catch (cause) {
    throw unfit('INGEST_BAD_VALUE', view, name, cause);
  }
}

/** A null has no length. */
function assertLength(view: FeatureViewSpec, { name, vectorLength }: TypedColumn, bytes: Uint8Array): void {
  const value = decodeValue(bytes);
  if (!Array.isArray(value) || value.length === vectorLength) return;
  const message = `${place(view, name)}: the vector has ${value.length} elements and must have ${vectorLength}.`;
  throw new IngestError('INGEST_BAD_VALUE', message);
}

function timeIn(view: FeatureViewSpec, row: PushedRow, name: string): EventTimestamp {
  const at = placeIn(view, row, name, 'timestamp');
  try {
    return timeFromPushed(row, at);
  } catch (cause) {
    throw unfit('INGEST_BAD_TIMESTAMP', view, name, cause);
  }
}

function placeIn(view: FeatureViewSpec, row: PushedRow, name: string, role: string): number {
  const at = row.placeOf(name);
  if (at >= 0) return at;
  const sent = [...row.names()].slice(0, 20).join(', ');
  throw new IngestError('INGEST_MISSING_COLUMN', `The row has no ${role} "${name}" of feature view "${view.name}".`, {
    hint: `Send every feature, join key and timestamp; a null says that there is no value. Sent were: ${sent}.`,
  });
}

function unfit(code: IngestErrorCode, view: FeatureViewSpec, column: string, cause: unknown): unknown {
  if (!(cause instanceof EncodingError)) return cause;
  return new IngestError(code, `${place(view, column)}: ${cause.message}`, {
    ...(cause.hint === undefined ? {} : { hint: cause.hint }),
    cause,
  });
}

function place(view: FeatureViewSpec, column: string): string {
  return `Feature view "${view.name}", column "${column}"`;
}
