import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { TypedValue } from '../../src/encoding/js-value.ts';

/** A value that has no counterpart in JavaScript: numpy scalars and arrays, pandas times, dates without a time. */
export const pythonOnly = Symbol('pythonOnly');

/**
 * An input of the recorded vectors (see "Typed inputs" in their description) as a JavaScript caller would give it: Python
 * integers as bigint, floats as number, bytes as Uint8Array, dicts as Map, UUIDs and decimals as text, datetimes as Date.
 */
export function fromPythonInput(input: unknown): unknown {
  if (Array.isArray(input)) return allOrNothing(input.map(fromPythonInput), (items) => items);
  if (typeof input !== 'object' || input === null) return input;
  const [tag, content] = Object.entries(input)[0] ?? [];
  switch (tag) {
    case '$int':
      return BigInt(content);
    case '$float':
      return Number(content);
    case '$bytes_hex':
      return new Uint8Array(Buffer.from(content, 'hex'));
    case '$datetime':
      return content === 'NaT' ? pythonOnly : new Date(/(Z|[+-]\d\d:\d\d)$/.test(content) ? content : `${content}Z`);
    case '$uuid':
      return content;
    case '$decimal':
      return content;
    case '$set':
      return allOrNothing((content as unknown[]).map(fromPythonInput), (items) => new Set(items));
    case '$dict':
      return new Map(Object.entries(content as object).map(([key, value]) => [key, fromPythonInput(value)]));
    case '$dict_items':
      return new Map(
        (content as [unknown, unknown][]).map(([key, value]) => [scalarMapKey(key), fromPythonInput(value)]),
      );
    default:
      return pythonOnly;
  }
}

/** Inside a scalar map UUIDs and decimals say what they are: as plain text they would be string keys. */
function scalarMapKey(key: unknown): unknown {
  const plain = fromPythonInput(key);
  if (typeof plain !== 'string' || typeof key !== 'object' || key === null) return plain;
  return new TypedValue('$uuid' in key ? ValueType_Enum.UUID : ValueType_Enum.DECIMAL, plain);
}

function allOrNothing<T>(items: readonly unknown[], combine: (items: readonly unknown[]) => T): T | typeof pythonOnly {
  return items.includes(pythonOnly) ? pythonOnly : combine(items);
}
