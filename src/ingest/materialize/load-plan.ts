import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import { EncodingError } from '../../encoding/encoding-error.ts';
import { valueTypeInfo, valueTypeName } from '../../encoding/value-type.ts';
import { dummyEntity } from '../../registry/dummy-entity.ts';
import type { FeatureViewSpec, JoinKeySpec } from '../../registry/registry-snapshot.ts';
import { MaterializeError } from '../materialize-error.ts';
import type { ViewSource } from './view-source.ts';

/** A join key or a feature, and the source's column that it is read from. */
export interface PlannedColumn {
  readonly name: string;
  readonly source: string;
  readonly valueType: ValueType_Enum;
}

/** What is read of a source for a view. */
export interface LoadPlan {
  readonly view: FeatureViewSpec;
  /** In the order of the view; none for a view without entities. */
  readonly joinKeys: readonly PlannedColumn[];
  readonly features: readonly PlannedColumn[];
  readonly timestampField: string;
  /** Empty where there is none. */
  readonly createdField: string;
}

const KEY_TYPES: ReadonlySet<number> = new Set([
  ValueType_Enum.STRING,
  ValueType_Enum.BYTES,
  ValueType_Enum.INT32,
  ValueType_Enum.INT64,
  ValueType_Enum.UNIX_TIMESTAMP,
]);

/** @throws EncodingError `UNSUPPORTED_ENTITY_KEY_TYPE` for a join key of a type that no entity key can hold */
export function loadPlan(view: FeatureViewSpec, source: ViewSource): LoadPlan {
  const joinKeys = view.joinKeys.filter((key) => key.name !== dummyEntity.joinKey);
  for (const key of joinKeys) assertKeyType(key, view.name);
  const planned = ({ name, valueType }: { readonly name: string; readonly valueType: ValueType_Enum }) => ({
    name,
    source: source.columns.get(name) ?? name,
    valueType,
  });
  return {
    view,
    joinKeys: joinKeys.map(planned),
    features: view.features.map(planned),
    timestampField: source.timestampField,
    createdField: source.createdField,
  };
}

/** All columns that have to be there, each once. */
function neededColumns(plan: LoadPlan): readonly string[] {
  const columns = [...plan.joinKeys, ...plan.features].map((column) => column.source);
  return [...new Set([...columns, plan.timestampField, ...(plan.createdField === '' ? [] : [plan.createdField])])];
}

/** @throws MaterializeError `MATERIALIZE_MISSING_COLUMN` */
export function assertColumns(plan: LoadPlan, present: ReadonlySet<string>, file: string): void {
  const missing = neededColumns(plan).filter((column) => !present.has(column));
  if (missing.length === 0) return;
  const shown = [...present].slice(0, 20).join(', ');
  throw new MaterializeError(
    'MATERIALIZE_MISSING_COLUMN',
    `${file}, the source of view "${plan.view.name}", has no ${missing.map((name) => `"${name}"`).join(', ')}.`,
    { hint: `Its columns are: ${shown === '' ? 'none' : shown}. A field mapping can give a column another name.` },
  );
}

function assertKeyType({ name, valueType }: JoinKeySpec, view: string): void {
  const type = valueTypeInfo(valueType)?.type;
  if (type !== undefined && KEY_TYPES.has(type)) return;
  throw new EncodingError(
    'UNSUPPORTED_ENTITY_KEY_TYPE',
    `Join key ${name} of view "${view}" is ${valueTypeName(valueType)}.`,
    { hint: 'Entity keys hold STRING, BYTES, INT32, INT64 or UNIX_TIMESTAMP.' },
  );
}
