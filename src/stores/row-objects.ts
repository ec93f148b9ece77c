import type { EntityKey } from '../../gen/feast/types/EntityKey_pb.ts';
import { type EntityKeyVersion, serializeEntityKey } from '../encoding/entity-key.ts';
import type { OnlineRow, OnlineTable, StoredRow } from './online-store.ts';
import type { RowBlock } from './row-block.ts';
import { StoreError } from './store-error.ts';
import { ROW_TIMES, type WriteBlock } from './write-block.ts';

/**
 * Serializes the entity keys of one call on `table`.
 * @throws StoreError `STORE_INVALID_ROW` for a key that has no serialization, naming its position.
 */
export function serializeKeys(
  table: OnlineTable,
  entityKeys: readonly EntityKey[],
  version: EntityKeyVersion = 3,
): Uint8Array[] {
  return entityKeys.map((entityKey, row) => {
    try {
      return serializeEntityKey(entityKey, version);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new StoreError('STORE_INVALID_ROW', `Entity key ${row} of ${describeTable(table)}: ${reason}`, {
        cause: error,
      });
    }
  });
}

/**
 * The serialized entity keys of rows that are to be written. A row that cannot be is refused here, before anything is.
 * @throws StoreError `STORE_INVALID_ROW` for a time that is not a protobuf Timestamp and for a key that has no serialization
 */
export function keysFromRows(table: OnlineTable, rows: readonly OnlineRow[]): Uint8Array[] {
  validateRowTimes(table, rows);
  return serializeKeys(
    table,
    rows.map((row) => row.entityKey),
  );
}

/** Row objects, as {@link OnlineStore.onlineRead} gives them, from a block that a store filled. */
export function rowsFromBlock(block: RowBlock, features: readonly string[]): (StoredRow | undefined)[] {
  return Array.from({ length: block.rows }, (_, row) => {
    if (block.found[row] !== 1) return undefined;
    const values = new Map<string, Uint8Array>();
    for (const [column, name] of features.entries()) {
      const value = block.valueAt(row, column);
      if (value !== undefined) values.set(name, value);
    }
    return { eventTimestamp: block.timestampAt(row), values };
  });
}

/** @throws StoreError `STORE_INVALID_ROW` when a row's times are not protobuf Timestamps. */
export function validateRowTimes(table: OnlineTable, rows: readonly OnlineRow[]): void {
  for (const [index, row] of rows.entries()) {
    for (const time of [row.eventTimestamp, row.createdTimestamp]) {
      if (time !== undefined) validateTime(table, index, time.seconds, time.nanos);
    }
  }
}

/** @throws StoreError `STORE_INVALID_ROW` when the times of a block's row are not protobuf Timestamps. */
export function validateBlockTimes(table: OnlineTable, { rows, times }: WriteBlock): void {
  for (let at = 0; at < rows * ROW_TIMES; at += 2) {
    const seconds = times[at] ?? Number.NaN;
    // Every second pair is that of the creation, which a row need not have.
    const isAbsent = at % ROW_TIMES !== 0 && Number.isNaN(seconds);
    if (!isAbsent) validateTime(table, Math.floor(at / ROW_TIMES), seconds, times[at + 1] ?? 0);
  }
}

function validateTime(table: OnlineTable, row: number, seconds: number, nanos: number): void {
  if (Number.isSafeInteger(seconds) && Number.isInteger(nanos) && nanos >= 0 && nanos <= 999_999_999) return;
  throw new StoreError(
    'STORE_INVALID_ROW',
    `Row ${row} of ${describeTable(table)} has a time that is not a Timestamp (seconds ${seconds}, nanos ${nanos}).`,
  );
}

/** A view's name for messages. */
export function describeTable(table: Pick<OnlineTable, 'project' | 'name'>): string {
  return `feature view "${table.name}" of project "${table.project}"`;
}

/** The bytes as a Buffer over the same memory: some client libraries take a plain Uint8Array for text. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
