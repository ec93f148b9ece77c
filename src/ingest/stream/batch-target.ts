import { setImmediate as turn } from 'node:timers/promises';
import { create, fromBinary } from '@bufbuild/protobuf';
import { EntityKeySchema } from '../../../gen/feast/types/EntityKey_pb.ts';
import { type Value, ValueSchema } from '../../../gen/feast/types/Value_pb.ts';
import { EncodingError } from '../../encoding/encoding-error.ts';
import { MAX_SECONDS, MIN_SECONDS } from '../../encoding/timestamp.ts';
import { isNullValue } from '../../encoding/value.ts';
import { type ValueTypeInfo, valueTypeInfo, valueTypeName } from '../../encoding/value-type.ts';
import { dummyEntity } from '../../registry/dummy-entity.ts';
import type { FeatureViewSpec } from '../../registry/registry-snapshot.ts';
import type { EventTimestamp, OnlineRow, OnlineTable } from '../../stores/online-store.ts';
import { IngestError } from '../ingest-error.ts';
import { valueFromPushedValue } from '../push/pushed-value.ts';
import type { BatchColumn, WriteRequest } from './write-request.ts';

/** Rows that are typed in one turn of the event loop: whoever reads features meanwhile should not notice. */
const ROWS_AT_A_TURN = 256;
/** How many bad rows are named. */
const MAX_NAMED_ROWS = 100;

/** A row that cannot be written. */
export interface RefusedRow {
  /** From 0 on. */
  readonly row: number;
  /** Empty where no single column is wrong. */
  readonly column: string;
  readonly code: string;
  /** What is wrong, without the value. */
  readonly message: string;
}

/** A batch as the registry types it: rows, or what is wrong with some of them. */
export interface TypedBatch {
  readonly rows: readonly OnlineRow[];
  /** Bad rows, of which `refused` has the first {@link MAX_NAMED_ROWS}. */
  readonly bad: number;
  readonly refused: readonly RefusedRow[];
}

/** A view that batches are written to, prepared once per generation of the registry. */
export interface BatchTarget {
  readonly view: FeatureViewSpec;
  readonly table: OnlineTable;
  /** @throws IngestError `INGEST_BAD_BATCH` for columns that are missing, unknown or of another length than the times */
  readonly rowsFrom: (batch: WriteRequest) => Promise<TypedBatch>;
}

interface TypedColumn {
  readonly name: string;
  readonly info: ValueTypeInfo;
}

/** @throws IngestError `INGEST_VIEW_NOT_WRITABLE` for a view with a type that has no values */
export function createBatchTarget(view: FeatureViewSpec, table: OnlineTable): BatchTarget {
  const keys = view.joinKeys.filter(({ name }) => name !== dummyEntity.joinKey).map((each) => typedColumn(view, each));
  const features = view.features.map((each) => typedColumn(view, each));
  const { joinKeys } = table;
  return {
    view,
    table,
    async rowsFrom(batch) {
      const count = batch.eventTimestamps.length;
      assertColumns(view, [...keys, ...features], batch);
      const keyColumns = keys.map((column) => readerOf(batch, column));
      const featureColumns = features.map((column) => readerOf(batch, column));
      const rows: OnlineRow[] = [];
      const refused: RefusedRow[] = [];
      let bad = 0;
      for (let row = 0; row < count; row++) {
        if (row > 0 && row % ROWS_AT_A_TURN === 0) await turn();
        try {
          const entityValues = keyColumns.length === 0 ? [emptyText] : keyColumns.map((column) => keyAt(column, row));
          const values = new Map(featureColumns.map((column) => [column.name, column.at(row)]));
          const eventTimestamp = timeAt(batch.eventTimestamps, row, 'event_timestamps');
          const typed = { entityKey: create(EntityKeySchema, { joinKeys: [...joinKeys], entityValues }), values };
          rows.push(
            batch.createdTimestamps.length === 0
              ? { ...typed, eventTimestamp }
              : {
                  ...typed,
                  eventTimestamp,
                  createdTimestamp: timeAt(batch.createdTimestamps, row, 'created_timestamps'),
                },
          );
        } catch (error) {
          if (!(error instanceof BadCell)) throw error;
          bad++;
          if (refused.length < MAX_NAMED_ROWS) refused.push({ row, ...error.why });
        }
      }
      return { rows, bad, refused };
    },
  };
}

function typedColumn(
  view: FeatureViewSpec,
  { name, valueType }: { readonly name: string; readonly valueType: FeatureViewSpec['joinKeys'][number]['valueType'] },
): TypedColumn {
  const info = valueTypeInfo(valueType);
  if (info !== undefined) return { name, info };
  throw new IngestError(
    'INGEST_VIEW_NOT_WRITABLE',
    `Feature view "${view.name}", column "${name}": the registry gives the type ${valueTypeName(valueType)}, which cannot be written.`,
  );
}

/** Names are looked at before any value: a batch of another view would fill the list of bad rows. */
function assertColumns(view: FeatureViewSpec, columns: readonly TypedColumn[], batch: WriteRequest): void {
  const known = new Set(columns.map(({ name }) => name));
  const list = [...known].slice(0, 50).join(', ');
  for (const name of known) {
    if (!batch.columns.has(name))
      throw badBatch(view, `it has no column "${name}"`, `The view's columns are: ${list}.`);
  }
  for (const name of batch.columns.keys()) {
    if (!known.has(name)) {
      throw badBatch(view, `the view has no column "${name.slice(0, 200)}"`, `Its columns are: ${list}.`);
    }
  }
  const count = batch.eventTimestamps.length;
  const unequal = (name: string, length: number): IngestError =>
    badBatch(view, `${name} has ${length} entries, and event_timestamps has ${count}`, 'Send one of each per row.');
  for (const [name, { starts }] of batch.columns) {
    if (starts.length !== count) throw unequal(`column "${name}"`, starts.length);
  }
  const created = batch.createdTimestamps.length;
  if (created !== 0 && created !== count) throw unequal('created_timestamps', created);
}

function badBatch(view: FeatureViewSpec, what: string, hint: string): IngestError {
  return new IngestError('INGEST_BAD_BATCH', `A batch for feature view "${view.name}" cannot be read: ${what}.`, {
    hint,
  });
}

/** One column of a batch. */
interface ColumnReader {
  readonly name: string;
  /** @throws BadCell */
  at(row: number): Uint8Array;
}

function readerOf({ bytes, columns }: WriteRequest, { name, info }: TypedColumn): ColumnReader {
  const { starts, ends }: BatchColumn = columns.get(name) ?? { starts: [], ends: [] };
  return {
    name,
    at(row) {
      try {
        return valueFromPushedValue(bytes, starts[row] ?? 0, ends[row] ?? 0, info);
      } catch (error) {
        if (!(error instanceof EncodingError)) throw error;
        throw new BadCell(name, 'INGEST_BAD_VALUE', error.describe());
      }
    },
  };
}

const emptyText = create(ValueSchema, { val: { case: 'stringVal', value: '' } });

function keyAt(column: ColumnReader, row: number): Value {
  const bytes = column.at(row);
  if (isNullValue(bytes)) throw new BadCell(column.name, 'INGEST_BAD_VALUE', 'A join key cannot be null.');
  return fromBinary(ValueSchema, bytes);
}

function timeAt(times: readonly EventTimestamp[], row: number, name: string): EventTimestamp {
  const time = times[row];
  if (time !== undefined) {
    const { seconds, nanos } = time;
    if (seconds >= MIN_SECONDS && seconds <= MAX_SECONDS && nanos >= 0 && nanos <= 999_999_999) return time;
  }
  throw new BadCell(name, 'INGEST_BAD_TIMESTAMP', 'The time is outside the years 1 to 9999, or its nanoseconds are.');
}

/** Never leaves this file. */
class BadCell extends Error {
  readonly why: Omit<RefusedRow, 'row'>;

  constructor(column: string, code: string, message: string) {
    super(message);
    this.why = { column, code, message };
  }
}
