import { create, fromBinary } from '@bufbuild/protobuf';
import { EntityKeySchema } from '../../gen/feast/types/EntityKey_pb.ts';
import { type Value, ValueSchema, type ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { EncodingError } from '../encoding/encoding-error.ts';
import { type EpochUnit, parseTimestamp } from '../encoding/timestamp.ts';
import { isNullValue } from '../encoding/value.ts';
import { type ExactJson, valueFromJson } from '../encoding/value-json.ts';
import { valueTypeInfo, valueTypeName } from '../encoding/value-type.ts';
import { dummyEntity } from '../registry/dummy-entity.ts';
import type { FeatureViewSpec } from '../registry/registry-snapshot.ts';
import type { EventTimestamp, OnlineRow } from '../stores/online-store.ts';
import { IngestError } from './ingest-error.ts';
import type { RowRecord } from './record.ts';
import { jsonFromText } from './text-value.ts';

export interface RowTypingOptions {
  /** Column with the event timestamp. */
  readonly timestampField: string;
  /** Column with the created timestamp, where the rows have one. */
  readonly createdField?: string;
  /** What a timestamp written as a number counts since 1970. Without it numbers are refused: nothing tells their unit. */
  readonly timestampUnit?: EpochUnit;
  /** A feature that a row does not have: refuse the row, or store a null. */
  readonly missingFeatures: 'refuse' | 'null';
  /** Told once of columns that the view does not have; they are left out. */
  readonly onExtraColumns?: (names: readonly string[]) => void;
}

/** Turns the records of one file into rows of one view, typed as the registry says. */
export type RowTyper = (record: RowRecord) => OnlineRow;

/**
 * @returns a function that types one record
 * @throws IngestError (that function) `INGEST_MISSING_COLUMN`, `INGEST_BAD_VALUE` or `INGEST_BAD_TIMESTAMP`, naming line and
 * column
 */
export function createRowTyper(view: FeatureViewSpec, options: RowTypingOptions): RowTyper {
  const keys = view.joinKeys.filter((key) => key.name !== dummyEntity.joinKey);
  const { timestampField, createdField } = options;
  const known = new Set([...keys, ...view.features].map((column) => column.name));
  known.add(timestampField);
  if (createdField !== undefined) known.add(createdField);
  const reported = new Set<string>();

  const reportExtras = (record: RowRecord): void => {
    const extras: string[] = [];
    for (const name of record.fields.keys()) if (!known.has(name) && !reported.has(name)) extras.push(name);
    if (extras.length === 0) return;
    for (const name of extras) reported.add(name);
    options.onExtraColumns?.(extras);
  };

  return (record) => {
    reportExtras(record);
    const eventTimestamp = timeIn(record, timestampField, options);
    return {
      entityKey: create(EntityKeySchema, {
        joinKeys: view.joinKeys.map((key) => key.name),
        entityValues: view.joinKeys.map((key) =>
          key.name === dummyEntity.joinKey ? emptyText : keyValue(record, key.name, key.valueType),
        ),
      }),
      values: new Map(
        view.features.map(({ name, valueType }) => [name, featureValue(record, name, valueType, options)]),
      ),
      eventTimestamp,
      ...(createdField === undefined ? {} : { createdTimestamp: timeIn(record, createdField, options) }),
    };
  };
}

const emptyText = create(ValueSchema, { val: { case: 'stringVal', value: '' } });
const nothing = new Uint8Array(0);

function keyValue(record: RowRecord, name: string, type: ValueType_Enum): Value {
  const bytes = encoded(record, name, fieldOf(record, name, 'join key'), type);
  if (isNullValue(bytes)) {
    throw new IngestError('INGEST_BAD_VALUE', `${place(record, name)}: a join key cannot be null.`, {
      hint: 'Leave out rows without an entity.',
      column: name,
    });
  }
  return fromBinary(ValueSchema, bytes);
}

function featureValue(record: RowRecord, name: string, type: ValueType_Enum, options: RowTypingOptions): Uint8Array {
  if (options.missingFeatures === 'null' && !record.fields.has(name)) return nothing;
  const json = fieldOf(record, name, 'feature', 'Give it, as null where there is no value, or use --missing-as-null.');
  return encoded(record, name, json, type);
}

function encoded(record: RowRecord, name: string, json: ExactJson, type: ValueType_Enum): Uint8Array {
  const info = valueTypeInfo(type);
  if (info === undefined) {
    const message = `${place(record, name)}: the registry gives the type ${valueTypeName(type)}, which cannot be written.`;
    throw new IngestError('INGEST_BAD_VALUE', message);
  }
  try {
    return valueFromJson(record.format === 'csv' && typeof json === 'string' ? jsonFromText(json, info) : json, type);
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
    throw new IngestError('INGEST_BAD_VALUE', `${place(record, name)}: ${cause.message}`, {
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
      column: name,
      cause,
    });
  }
}

function timeIn(record: RowRecord, name: string, options: RowTypingOptions): EventTimestamp {
  const other = name === options.timestampField ? '--timestamp-field' : '--created-field';
  const json = fieldOf(record, name, 'timestamp', `Name the column that holds it with ${other}.`);
  if (typeof json !== 'string' && typeof json !== 'bigint' && typeof json !== 'number') {
    throw badTime(record, name, json === null ? 'it is null' : 'it is neither text nor a number');
  }
  if (options.timestampUnit === undefined && (typeof json !== 'string' || /^\s*[+-]?\d+(\.\d*)?\s*$/.test(json))) {
    throw badTime(
      record,
      name,
      'nothing says what the number counts',
      'Say it with --timestamp-unit: s, ms, us or ns.',
    );
  }
  try {
    const { seconds, nanos } = parseTimestamp(json, options.timestampUnit);
    return { seconds, nanos };
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
    throw badTime(record, name, cause.message, cause.hint, cause);
  }
}

function badTime(record: RowRecord, name: string, why: string, hint?: string, cause?: unknown): IngestError {
  const end = why.endsWith('.') ? '' : '.';
  return new IngestError('INGEST_BAD_TIMESTAMP', `${place(record, name)}: ${why}${end}`, {
    hint: hint ?? 'Use RFC 3339, such as 2026-01-10T08:00:00Z.',
    column: name,
    cause,
  });
}

function fieldOf(record: RowRecord, name: string, role: string, hint?: string): ExactJson {
  const field = record.fields.get(name);
  if (field !== undefined) return field;
  const columns = [...record.fields.keys()].slice(0, 20).join(', ');
  throw new IngestError('INGEST_MISSING_COLUMN', `Line ${record.line} has no ${role} "${name}".`, {
    hint: `${hint === undefined ? '' : `${hint} `}Its columns are: ${columns === '' ? 'none' : columns}.`,
    column: name,
  });
}

function place(record: RowRecord, column: string): string {
  return `Line ${record.line}, column "${column}"`;
}
