import assert from 'node:assert/strict';
import { fromBinary, fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { type Value, ValueSchema, type ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { EncodingError } from '../../src/encoding/encoding-error.ts';
import {
  decodeTypedValue,
  decodeValue,
  encodeValue,
  isNullValue,
  type JsValue,
  TypedValue,
  valueArm,
} from '../../src/encoding/value.ts';
import { parseJsonExact, valueFromJson, valueToJson } from '../../src/encoding/value-json.ts';
import { valueTypeFromName, valueTypeInfo, valueTypeOfArm } from '../../src/encoding/value-type.ts';
import { readGoldenLines } from '../support/golden.ts';
import { fromPythonInput, pythonOnly } from '../support/python-inputs.ts';

interface RecordedValue {
  readonly oneof: string | null;
  readonly hex: string;
  readonly deterministic_hex?: string;
  readonly proto_json: JsonValue;
  readonly http_json_text: string;
}

interface ValueVector {
  readonly id: string;
  readonly note: string;
  readonly value_type: string;
  readonly value_type_number: number;
  readonly inputs: readonly unknown[];
  readonly values?: readonly RecordedValue[];
  readonly error?: { readonly class: string; readonly message: string };
}

const vectors = readGoldenLines<ValueVector>('values.jsonl');
const recorded = vectors.flatMap(({ id, note, values = [] }) =>
  values.map((value, i) => ({ name: `${id}[${i}] ${note}`, value })),
);

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytesOf = (value: RecordedValue) => new Uint8Array(Buffer.from(value.hex, 'hex'));

/**
 * Inputs that `encodeValue` refuses although Feast stores something: it never stores another value than the one given.
 * Keys are `id` or `id[index]`.
 */
const stricter: Readonly<Record<string, string>> = {
  'v002[0]': 'Feast cuts the fraction off a float for INT32',
  'v002[1]': 'Feast cuts the fraction off a float for INT32',
  'v004[0]': 'Feast makes NaN for INT32 unset',
  'v010[0]': 'Feast makes booleans for INT64 1 and 0',
  'v010[1]': 'Feast makes booleans for INT64 1 and 0',
  'v016[0]': 'Feast makes a finite double beyond float32 infinite',
  'v023[0]': 'Feast rounds a Decimal, here given as text, to a double',
  'v027[0]': 'Feast stores str() of whatever is given for STRING',
  'v027[1]': 'Feast stores str() of whatever is given for STRING',
  'v027[2]': 'Feast stores str() of whatever is given for STRING',
  'v028[1]': 'Feast makes a list for STRING unset',
  'v036[0]': 'Feast takes 1 and 0 for BOOL',
  'v036[1]': 'Feast takes 1 and 0 for BOOL',
  'v038[1]': 'Feast makes NaN for UNIX_TIMESTAMP the smallest int64',
  'v080[0]': 'Feast makes a null element 0',
  'v091[0]': 'Feast makes a null element an empty string',
  'v093[0]': 'Feast makes a null element false',
  'v096[0]': 'Feast makes a null element the smallest int64',
};

/** Inputs that `encodeValue` stores otherwise than Feast, on purpose. */
const different: Readonly<Record<string, string>> = {
  'v032[0]': 'Feast loses empty bytes when the whole batch is empty',
  'v033[0]': 'Feast loses empty bytes when the whole batch is empty',
  'v033[1]': 'Feast loses empty bytes when the whole batch is empty',
  'v050[1]': 'a decimal NaN comes as text, which Feast keeps (v049) where its Decimal is made unset',
  'v063[0]': 'a Date has no zone of its own: it is shown in UTC',
  'v063[1]': 'a Date has no zone of its own: it is shown in UTC',
  'v063[2]': 'a Date has no zone of its own: it is shown in UTC',
  'v077[1]': 'Feast lets the first value of a batch decide the type of an undeclared column',
  'v078[1]': 'Feast lets the first value of a batch decide the type of an undeclared column',
};

/** Inputs that Feast refuses and `encodeValue` takes, because nothing is lost. */
const moreLenient: Readonly<Record<string, string>> = {
  v083: 'a whole JavaScript number is a whole number, whatever its literal looked like',
  v089: 'a whole number is exact as a double',
};

describe('the recorded values', () => {
  it('name their arm', () => {
    for (const { name, value } of recorded) {
      const arm = valueArm(bytesOf(value));
      if (value.oneof === null) assert.equal(arm, 0, name);
      else assert.equal(armName(arm), value.oneof, name);
      assert.equal(isNullValue(bytesOf(value)), value.oneof === null, name);
    }
  });

  it('come back byte for byte from JavaScript', () => {
    for (const { name, value } of recorded) {
      const { type, value: decoded } = decodeTypedValue(bytesOf(value));
      assert.deepEqual(decodeValue(bytesOf(value)), decoded, name);
      assert.equal(hex(encodeValue(decoded, type)), value.hex, name);
    }
  });

  it('print as JSON as Feast prints them', () => {
    for (const { name, value } of recorded) {
      const text = valueToJson(bytesOf(value));
      const isMap = value.oneof !== null && /map|struct/.test(value.oneof);
      if (isMap) assert.deepEqual(parseJsonExact(text), parseJsonExact(value.http_json_text), name);
      else assert.equal(text, value.http_json_text, name);
    }
  });

  it('come back from their JSON', () => {
    for (const { name, value } of recorded) {
      const type = valueTypeOfArm(valueArm(bytesOf(value)));
      // A scalar map prints as null, and a time with an offset does not tell the zone's name.
      if (value.oneof === 'scalar_map_val') continue;
      const again = valueFromJson(parseJsonExact(value.http_json_text), type);
      if (value.oneof === 'zoned_timestamp_val') assert.equal(valueToJson(again), value.http_json_text, name);
      else if (value.deterministic_hex !== undefined)
        assert.deepEqual(fromBinary(ValueSchema, again), messageOf(value), name);
      else assert.equal(hex(again), value.hex, name);
    }
  });

  it('are the same to the generated classes', () => {
    for (const { name, value } of recorded) {
      // The way through bytes rounds float32 values, which JSON carries in few digits.
      const expected = fromBinary(ValueSchema, toBinary(ValueSchema, fromJson(ValueSchema, value.proto_json)));
      assert.deepEqual(fromBinary(ValueSchema, encodeValue(...typedOf(value))), expected, name);
      if (value.deterministic_hex === undefined) assert.equal(hex(toBinary(ValueSchema, expected)), value.hex, name);
    }
  });
});

describe('encodeValue on the recorded inputs', () => {
  const outcomes = vectors.flatMap((vector) =>
    vector.inputs.map((input, i) => ({ vector, i, input: fromPythonInput(input) })),
  );
  const plain = outcomes.filter(({ input }) => input !== pythonOnly);

  it('stores what Feast stores', () => {
    let compared = 0;
    for (const { vector, i, input } of plain) {
      const value = vector.values?.[i];
      const key = `${vector.id}[${i}]`;
      if (value === undefined || key in stricter || key in different) continue;
      const bytes = encodeValue(input, typeOf(vector));
      if (valueTypeInfo(typeOf(vector))?.shape === 'set')
        assert.deepEqual(asSet(bytes), asSet(bytesOf(value)), `${key} ${vector.note}`);
      else if (value.deterministic_hex !== undefined)
        assert.deepEqual(fromBinary(ValueSchema, bytes), messageOf(value), key);
      else assert.equal(hex(bytes), value.hex, `${key} ${vector.note}`);
      compared++;
    }
    assert.ok(compared > 190, `${compared} compared`);
  });

  it('refuses what Feast refuses, with a code', () => {
    for (const { vector, i, input } of plain) {
      if (vector.error === undefined || vector.id in moreLenient) continue;
      assert.throws(() => encodeValue(input, typeOf(vector)), EncodingError, `${vector.id}[${i}] ${vector.note}`);
    }
    assert.equal(codeFor('v005'), 'VALUE_OUT_OF_RANGE');
    assert.equal(codeFor('v012'), 'VALUE_OUT_OF_RANGE');
    assert.equal(codeFor('v013'), 'VALUE_TYPE_MISMATCH');
    assert.equal(codeFor('v052'), 'INVALID_JSON');
    assert.equal(codeFor('v059'), 'VALUE_TYPE_UNKNOWN');
    assert.equal(codeFor('v062'), 'VALUE_TYPE_MISMATCH');
    assert.equal(codeFor('v067'), 'VALUE_TYPE_UNKNOWN');
  });

  it('refuses, rather than change, the values that are listed as stricter', () => {
    for (const { vector, i, input } of plain) {
      if (!(`${vector.id}[${i}]` in stricter)) continue;
      assert.throws(
        () => encodeValue(input, typeOf(vector)),
        (error) => error instanceof EncodingError && /^VALUE_(TYPE_MISMATCH|OUT_OF_RANGE)$/.test(error.code),
        `${vector.id}[${i}]`,
      );
    }
  });

  it('differs in what is stored only where that is listed', () => {
    for (const { vector, i, input } of plain) {
      const value = vector.values?.[i];
      if (value === undefined || !(`${vector.id}[${i}]` in different)) continue;
      assert.notEqual(outcome(input, typeOf(vector)), value.hex, `${vector.id}[${i}]`);
    }
    for (const id of Object.keys(moreLenient)) assert.equal(codeFor(id), undefined, id);
  });

  it('lists no exception that the vectors do not hold', () => {
    const keys = new Set(plain.flatMap(({ vector, i }) => [vector.id, `${vector.id}[${i}]`]));
    for (const key of [...Object.keys(stricter), ...Object.keys(different), ...Object.keys(moreLenient)])
      assert.ok(keys.has(key), key);
  });

  function codeFor(id: string): string | undefined {
    const first = plain.find(({ vector }) => vector.id === id);
    assert.ok(first !== undefined, id);
    const result = outcome(first.input, typeOf(first.vector));
    return /^[A-Z_]+$/.test(result) ? result : undefined;
  }
});

function outcome(input: unknown, type: ValueType_Enum): string {
  try {
    return hex(encodeValue(input, type));
  } catch (error) {
    assert.ok(error instanceof EncodingError, String(error));
    return error.code;
  }
}

function typeOf(vector: ValueVector): ValueType_Enum {
  const type = valueTypeFromName(vector.value_type);
  assert.equal(type, vector.value_type_number, vector.value_type);
  return type;
}

function typedOf(value: RecordedValue): [JsValue, ValueType_Enum] {
  const { type, value: decoded } = decodeTypedValue(bytesOf(value));
  return [decoded, type];
}

function messageOf(value: RecordedValue): Value {
  const message = fromBinary(ValueSchema, bytesOf(value));
  assert.deepEqual(fromBinary(ValueSchema, Buffer.from(value.deterministic_hex ?? value.hex, 'hex')), message);
  return message;
}

function asSet(bytes: Uint8Array): unknown {
  const decoded = decodeValue(bytes);
  return Array.isArray(decoded) ? new Set(decoded.map(comparable)) : decoded;
}

function comparable(value: JsValue): string {
  if (value instanceof Uint8Array) return hex(value);
  return value instanceof TypedValue ? comparable(value.value) : String(value);
}

function armName(arm: number): string | undefined {
  return ValueSchema.fields.find((field) => field.number === arm)?.name;
}
