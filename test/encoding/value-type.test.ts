import assert from 'node:assert/strict';
import { ValueSchema, ValueType_Enum, ValueType_EnumSchema } from '../../gen/feast/types/Value_pb.ts';
import {
  armOfValueType,
  valueTypeFromName,
  valueTypeInfo,
  valueTypeName,
  valueTypeOfArm,
  valueTypes,
} from '../../src/encoding/value-type.ts';

describe('value types', () => {
  it('cover every number of the enum and every arm of Value', () => {
    for (const { name, number } of ValueType_EnumSchema.values) {
      assert.equal(valueTypeName(number as ValueType_Enum), name);
      assert.equal(valueTypeFromName(name.toLowerCase()), number);
      assert.equal(armOfValueType(number as ValueType_Enum), number);
    }
    for (const field of ValueSchema.fields) {
      const info = valueTypeInfo(valueTypeOfArm(field.number));
      assert.equal(info?.arm, field.name);
      assert.equal(info?.type, field.number);
    }
    assert.equal(valueTypes().length, ValueSchema.fields.length);
    assert.deepEqual(
      valueTypes().map((info) => info.type),
      ValueSchema.fields.map((field) => field.number).sort((a, b) => a - b),
    );
  });

  it('tell lists, sets and single values apart', () => {
    for (const { name, shape } of valueTypes()) {
      assert.equal(shape, /_(LIST|SET)$/.exec(name)?.[1]?.toLowerCase() ?? 'scalar', name);
    }
  });

  it('treat the two numbers that only Feast’s Python knows as bytes', () => {
    assert.equal(valueTypeName(30 as ValueType_Enum), 'PDF_BYTES');
    assert.equal(valueTypeFromName('IMAGE_BYTES'), 31);
    assert.equal(armOfValueType(31 as ValueType_Enum), ValueType_Enum.BYTES);
    assert.equal(valueTypeOfArm(31), ValueType_Enum.INVALID);
  });

  it('have something to say about unknown numbers and names', () => {
    assert.equal(valueTypeName(99 as ValueType_Enum), 'UNKNOWN(99)');
    assert.equal(valueTypeInfo(99 as ValueType_Enum), undefined);
    assert.equal(armOfValueType(ValueType_Enum.INVALID), 0);
    assert.equal(valueTypeFromName('UNKNOWN'), ValueType_Enum.INVALID);
    assert.equal(valueTypeFromName('toString'), undefined);
  });
});
