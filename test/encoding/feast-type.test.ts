import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import {
  type FeastType,
  feastTypeFromRegistry,
  formatFeastType,
  registryTypeFromFeastType,
  scalarNames,
} from '../../src/encoding/feast-type.ts';
import { isTypeFault, parseFeastType } from '../../src/encoding/feast-type-text.ts';
import { valueTypeFromName } from '../../src/encoding/value-type.ts';
import { readGoldenJson } from '../support/golden.ts';
import { goldenRegistries } from '../support/golden-registries.ts';

function parsed(text: string): FeastType {
  const type = parseFeastType(text);
  if (isTypeFault(type)) throw new assert.AssertionError({ message: `${text}: ${type.fault}` });
  return type;
}

function faultOf(text: string): string {
  const type = parseFeastType(text);
  return isTypeFault(type) ? type.fault : `read as ${formatFeastType(type)}`;
}

/** Any type that Feast has. */
const anyType: fc.Arbitrary<FeastType> = fc.letrec<{
  type: FeastType;
  scalar: FeastType;
  collection: FeastType;
  struct: FeastType;
}>((tie) => ({
  type: fc.oneof({ maxDepth: 3, depthSize: 'small' }, tie('scalar'), tie('collection'), tie('struct')),
  scalar: fc.constantFrom(...scalarNames).map((name): FeastType => ({ kind: 'scalar', name })),
  collection: fc
    .tuple(fc.constantFrom('array' as const, 'set' as const), tie('type'))
    .map(([kind, of]): FeastType => ({ kind, of }))
    .filter((type) => !isTypeFault(parseFeastType(formatFeastType(type)))),
  struct: fc
    .array(fc.tuple(fc.string({ minLength: 1, unit: 'grapheme' }), tie('type')), { minLength: 1, maxLength: 3 })
    .map((fields): FeastType => ({ kind: 'struct', fields: new Map(fields) })),
})).type;

interface SpecJson {
  readonly spec: {
    readonly name: string;
    readonly features?: readonly { readonly name: string; readonly tags?: Record<string, string> }[];
  };
}

describe('a Feast type', () => {
  it('is read back from its own text, and from what a registry holds of it', () => {
    fc.assert(
      fc.property(anyType, (type) => {
        assert.deepEqual(parsed(formatFeastType(type)), type);
        const { valueType, tags } = registryTypeFromFeastType(type);
        assert.deepEqual(feastTypeFromRegistry(valueType, tags), type);
      }),
    );
  });

  it('becomes what Feast keeps of each feature of the recorded registries', () => {
    const seen = new Set<ValueType_Enum>();
    for (const { featureViews } of goldenRegistries()) {
      for (const feature of featureViews.flatMap(({ spec }) => spec?.features ?? [])) {
        const type = feastTypeFromRegistry(feature.valueType, feature.tags);
        assert.ok(type !== undefined, feature.name);
        const { valueType, tags } = registryTypeFromFeastType(parsed(formatFeastType(type)));
        const own = Object.entries(feature.tags).filter(([name]) => !name.startsWith('feast:'));
        assert.deepEqual({ ...Object.fromEntries(own), ...tags }, { ...feature.tags });
        assert.equal(valueType, feature.valueType);
        seen.add(valueType);
      }
    }
    assert.ok(seen.size > 35, `${seen.size} types`);
  });

  for (const registry of ['kitchen_sink', 'minimal']) {
    it(`of the recorded registry ${registry} has the text that Feast shows`, () => {
      const read = readGoldenJson<{ feature_views: Record<string, { features: [string, string, string][] }> }>(
        'registry',
        registry,
        'as_read_by_feast.json',
      );
      const stored = readGoldenJson<{ featureViews: readonly SpecJson[] }>('registry', registry, 'registry.json');
      let compared = 0;
      for (const { spec } of stored.featureViews) {
        for (const [name, shown, valueType] of read.feature_views[spec.name]?.features ?? []) {
          const tags = spec.features?.find((feature) => feature.name === name)?.tags ?? {};
          const type = feastTypeFromRegistry(valueTypeFromName(valueType) ?? ValueType_Enum.INVALID, tags);
          assert.equal(type && formatFeastType(type), shown, `${spec.name}:${name}`);
          compared++;
        }
      }
      assert.ok(compared > 0);
    });
  }

  it('may be written with blanks, quotes and a comma at the end', () => {
    assert.deepEqual(parsed(' Array( Int64 ) '), parsed('Array(Int64)'));
    assert.deepEqual(parsed(`Struct({"a": Int64, 'b c':Set(Uuid),})`), parsed('Struct({a: Int64, "b c": Set(Uuid)})'));
    assert.equal(formatFeastType(parsed(`Struct({'b c': Int64})`)), 'Struct({"b c": Int64})');
  });

  it('says what is wrong with a text that is none', () => {
    const faults: Readonly<Record<string, string>> = {
      '': 'expected a type at the end',
      'Array(': 'expected a type at the end',
      'Array()': 'expected a type at ")"',
      Int46: 'there is no type Int46',
      toString: 'there is no type toString',
      Null: 'there is no type Null',
      'Int64 Int64': 'something stands behind the end of the type',
      'Array(Int64': 'a bracket is not closed behind Int64',
      'Array(ZonedTimestamp)': 'Feast has no Array of ZonedTimestamp',
      'Array(ScalarMap)': 'Feast has no Array of ScalarMap',
      'Array(PdfBytes)': 'Feast has no Array of PdfBytes',
      'Set(Struct({a: Int64}))': 'Feast has no Set of Struct',
      'Set(Map)': 'Feast has no Set of Map',
      'Struct({a: Int64, a: Int64})': 'a Struct has the field a twice',
      'Struct({"\\x": Int64})': '"\\x" is not text in double quotes',
    };
    for (const [text, fault] of Object.entries(faults)) assert.equal(faultOf(text), fault);
    assert.match(faultOf('Struct'), /^Struct needs its fields in brackets/);
    assert.match(faultOf(`${'Array('.repeat(40)}Int64${')'.repeat(40)}`), /deeper than 16 levels/);
  });

  it('cannot be told of broken tags, nor of a struct without any', () => {
    const struct = ValueType_Enum.STRUCT;
    for (const tag of ['', '{', '[]', '{}', '{"a": 1}', '{"a": "INT46"}', '{"a": "{\\"__struct__\\": []}"}']) {
      assert.equal(feastTypeFromRegistry(struct, { 'feast:struct_schema': tag }), undefined, tag);
    }
    assert.equal(feastTypeFromRegistry(struct, {}), undefined);
    assert.equal(feastTypeFromRegistry(ValueType_Enum.VALUE_LIST, {}), undefined);
    assert.equal(feastTypeFromRegistry(ValueType_Enum.INVALID, {}), undefined);
  });
});
