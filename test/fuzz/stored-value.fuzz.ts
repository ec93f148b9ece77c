import assert from 'node:assert/strict';
import { fromBinary } from '@bufbuild/protobuf';
import { ValueSchema, ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { encodingErrors } from '../../src/encoding/encoding-error.ts';
import { decodeTypedValue, encodeValue, isNullValue, valueArm } from '../../src/encoding/value.ts';
import { valueToJson } from '../../src/encoding/value-json.ts';
import { valueTypeInfo, valueTypes } from '../../src/encoding/value-type.ts';
import { valueFromPushedValue } from '../../src/ingest/push/pushed-value.ts';
import { classifyStoredValue, StoredKind } from '../../src/serving/stored-value.ts';
import { comparableValue } from '../support/feature-values.ts';
import { readGoldenLines } from '../support/golden.ts';
import { type FuzzTarget, valueOrRefusal } from './fuzz-target.ts';
import { decodedBy } from './protobuf-oracle.ts';

const MALFORMED = ['MALFORMED_MESSAGE'];
const CODES = Object.keys(encodingErrors);

/** A stored `feast.types.Value`: judged, decoded and converted; the arm is protobuf-es's, and what is encoded again decodes the same. */
export const storedValue: FuzzTarget = {
  name: 'stored-value',
  form: 'protobuf',
  seeds: () =>
    readGoldenLines<{ values?: readonly { hex: string }[] }>('values.jsonl')
      .map(({ values }) => Buffer.from(values?.[values.length - 1]?.hex ?? '', 'hex'))
      .filter(({ length }) => length > 0 && length < 200),
  check(input) {
    // Values stand among others: a reader that leaves its part is found by what stands around it.
    const around = Buffer.concat([Buffer.alloc(7, 0x0a), input, Buffer.alloc(9, 0x0a)]);
    const [start, end] = [7, 7 + input.length];
    const arm = valueOrRefusal(MALFORMED, () => valueArm(around, start, end));
    assert.equal(
      arm,
      valueOrRefusal(MALFORMED, () => valueArm(input)),
    );
    checkJudgement(around, start, end, arm);
    const isNull = valueOrRefusal(MALFORMED, () => isNullValue(around, start, end));
    assert.equal(isNull, arm === undefined ? undefined : arm === 0 || arm === 19);
    checkDecoding(input, arm);
    valueOrRefusal(CODES, () => valueToJson(around, start, end));
    for (const info of valueTypes()) valueOrRefusal(CODES, () => valueFromPushedValue(around, start, end, info));
  },
};

function checkJudgement(bytes: Buffer, start: number, end: number, arm: number | undefined): void {
  const any = classifyStoredValue(bytes, start, end, 0);
  if (arm === undefined) assert.equal(any, StoredKind.corrupt);
  else if (start === end) assert.equal(any, StoredKind.null);
  else if (any === StoredKind.corrupt) {
    // Arms that readers differ about: in another wire type, or texts that are not UTF-8.
    assert.equal(decodedBy(ValueSchema, bytes.subarray(start, end)), undefined);
    // A field that is not an arm may be one of a later Feast.
  } else if (arm > 0) assert.equal(any, arm === 19 ? StoredKind.null : StoredKind.expected);
  if (arm === undefined || arm === 0 || arm === 19 || any === StoredKind.corrupt) return;
  assert.equal(classifyStoredValue(bytes, start, end, arm), StoredKind.expected);
  assert.equal(classifyStoredValue(bytes, start, end, arm + 1), StoredKind.otherType);
}

function checkDecoding(input: Buffer, arm: number | undefined): void {
  const typed = valueOrRefusal(MALFORMED, () => decodeTypedValue(input));
  const expected = decodedBy(ValueSchema, input);
  if (expected !== undefined) {
    assert.ok(arm !== undefined, 'protobuf-es reads a value where none is seen');
    const field = ValueSchema.fields.find(({ localName }) => localName === expected.val.case);
    assert.equal(arm, field?.number ?? 0);
  }
  if (typed === undefined || typed.type === ValueType_Enum.INVALID) return;
  // Texts of UUIDs, decimals and JSON are read as they are, and are checked when they are written.
  const again = valueOrRefusal(['VALUE_TYPE_MISMATCH', 'INVALID_JSON'], () => encodeValue(typed.value, typed.type));
  const info = valueTypeInfo(typed.type);
  // Sets and maps hold each element once, however often it was sent; so do those within.
  const isPlain = info?.shape !== 'set' && !['map', 'scalar_map', 'value'].includes(info?.kind ?? '');
  // NaN is stored as no value, as Feast stores it.
  if (again === undefined || again.length === 0 || !isPlain) return;
  assert.deepEqual(decodeTypedValue(again), typed);
  if (expected !== undefined)
    assert.deepEqual(comparableValue(fromBinary(ValueSchema, again)), comparableValue(expected));
}
