import assert from 'node:assert/strict';
import { ValueSchema, ValueType_Enum, ValueType_EnumSchema } from '../../gen/feast/types/Value_pb.ts';
import { dtypeName } from '../../src/encoding/dtype.ts';
import {
  armOfValueType,
  valueTypeFromName,
  valueTypeInfo,
  valueTypeName,
  valueTypeOfArm,
  valueTypes,
} from '../../src/encoding/value-type.ts';
import { readGoldenJson } from '../support/golden.ts';

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

interface SpecJson {
  readonly spec: {
    readonly name: string;
    readonly features?: readonly { readonly name: string; readonly tags?: Record<string, string> }[];
  };
}

describe('dtypeName', () => {
  for (const registry of ['kitchen_sink', 'minimal']) {
    it(`shows the types of the recorded registry ${registry} as Feast shows them`, () => {
      const read = readGoldenJson<{ feature_views: Record<string, { features: [string, string, string][] }> }>(
        'registry',
        registry,
        'as_read_by_feast.json',
      );
      const stored = readGoldenJson<{ featureViews: readonly SpecJson[] }>('registry', registry, 'registry.json');
      let compared = 0;
      for (const { spec } of stored.featureViews) {
        for (const [name, dtype, valueType] of read.feature_views[spec.name]?.features ?? []) {
          const tags = spec.features?.find((feature) => feature.name === name)?.tags ?? {};
          const type = valueTypeFromName(valueType);
          assert.ok(type !== undefined, valueType);
          assert.equal(dtypeName(type, tags), dtype, `${spec.name}:${name}`);
          compared++;
        }
      }
      assert.ok(compared > 0);
    });
  }

  it('shows nested types without tags, or with broken ones, by their outer name', () => {
    assert.equal(dtypeName(ValueType_Enum.VALUE_LIST), 'Array');
    assert.equal(dtypeName(ValueType_Enum.STRUCT, { 'feast:struct_schema': '{' }), 'Struct');
    assert.equal(
      dtypeName(ValueType_Enum.STRUCT_LIST, { 'feast:struct_schema': '{"a":{}}' }),
      'Array(Struct({a: Struct}))',
    );
  });
});
