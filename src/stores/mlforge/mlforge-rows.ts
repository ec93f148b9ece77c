import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import { EncodingError } from '../../encoding/encoding-error.ts';
import { type ExactJson, parsePythonJson } from '../../encoding/json-exact.ts';
import { jsonDocumentText } from '../../encoding/python-text.ts';
import type { OnlineRow, OnlineTable, TableRead } from '../online-store.ts';
import { describeTable } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';

import { memberFromValue, valueFromMember } from './mlforge-values.ts';

/**
 * Parses the stored text of a row.
 * @param what names the row for messages
 * @throws StoreError `STORE_CORRUPT`
 */
export function membersFromText(text: string | Uint8Array, what: () => string): ReadonlyMap<string, ExactJson> {
  let json: ExactJson;
  try {
    json = parsePythonJson(typeof text === 'string' ? text : utf8.decode(text));
  } catch (cause) {
    if (!(cause instanceof EncodingError || cause instanceof TypeError)) throw cause;
    throw corrupt(what(), 'is not JSON', cause);
  }
  if (!(json instanceof Map)) throw corrupt(what(), 'is JSON, but no object');
  return json;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function corrupt(what: string, how: string, cause?: unknown): StoreError {
  return new StoreError('STORE_CORRUPT', `What is stored for ${what} ${how}.`, {
    hint: 'Something else writes under the same names, or the row was damaged: build it again.',
    cause,
  });
}

/** Puts stored rows into the block of a read. */
export interface RowFiller {
  /** @throws StoreError `STORE_CORRUPT`, `STORE_VALUE_MISMATCH` */
  fill(row: number, text: string | Uint8Array): void;
}

/** Members are typed by the table's schema; those that were not asked for are passed over. */
export function createRowFiller({ table, features, block }: TableRead): RowFiller {
  const types = features.map(
    (name) => table.features.find((feature) => feature.name === name)?.valueType ?? ValueType_Enum.INVALID,
  );
  return {
    fill(row, text) {
      const members = membersFromText(text, () => `row ${row} of ${describeTable(table)}`);
      block.setRow(row, 0, 0);
      for (let feature = 0; feature < features.length; feature++) {
        const name = features[feature] ?? '';
        const member = members.get(name);
        if (member === undefined) continue;
        const value = typedMember(member, types[feature] ?? ValueType_Enum.INVALID, name, row, table);
        block.setValue(row, feature, value, 0, value.length);
      }
    },
  };
}

function typedMember(
  member: ExactJson,
  type: ValueType_Enum,
  name: string,
  row: number,
  table: OnlineTable,
): Uint8Array {
  try {
    return valueFromMember(member, type);
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
    const message = `Row ${row} of ${describeTable(table)}: "${name}" does not fit the registry. ${cause.message}`;
    throw new StoreError('STORE_VALUE_MISMATCH', message, {
      hint: 'Give the feature the type of what is stored, or build the rows again.',
      cause,
    });
  }
}

/**
 * The text of a row, as mlforge writes it.
 * @param index where the row stands in its batch
 * @throws StoreError `STORE_INVALID_ROW` for a value that mlforge could not have written
 */
export function textFromRow(row: OnlineRow, index: number, table: OnlineTable): string {
  const members = new Map<string, unknown>();
  for (const [name, value] of row.values) {
    try {
      members.set(name, memberFromValue(value));
    } catch (cause) {
      throw unfit(cause, `Row ${index} of ${describeTable(table)}, "${name}"`);
    }
  }
  try {
    return jsonDocumentText(members, 'python-bare');
  } catch (cause) {
    throw unfit(cause, `Row ${index} of ${describeTable(table)}`);
  }
}

function unfit(cause: unknown, where: string): unknown {
  if (!(cause instanceof EncodingError)) return cause;
  return new StoreError('STORE_INVALID_ROW', `${where}: ${cause.message}`, { cause });
}
