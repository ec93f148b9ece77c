import { create, toBinary } from '@bufbuild/protobuf';
import { type Value, ValueSchema, ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';

/**
 * What the programme stores: two views of ten features each, keyed by one integer. Every value says which entity, view, feature
 * and version it belongs to, and the version stands in the row's event time as well.
 */
export const PROJECT = 'faults';
export const ENTITY = 'item';
export const JOIN_KEY = 'item_id';

export interface MarkedFeature {
  readonly name: string;
  readonly view: string;
  /** Among all features. */
  readonly index: number;
  readonly type: ValueType_Enum;
}

export interface MarkedView {
  readonly name: string;
  readonly features: readonly MarkedFeature[];
}

const FEATURES_PER_VIEW = 10;

export const markedViews: readonly MarkedView[] = ['left', 'right'].map((view, v) => ({
  name: view,
  features: Array.from({ length: FEATURES_PER_VIEW }, (_, n) => ({
    name: `${view}_${n}`,
    view,
    index: v * FEATURES_PER_VIEW + n,
    type: n % 2 === 0 ? ValueType_Enum.INT64 : ValueType_Enum.STRING,
  })),
}));

export const markedFeatures: readonly MarkedFeature[] = markedViews.flatMap(({ features }) => features);

/** Where a value belongs. Entities stay under 100,000 and versions under 100,000,000. */
export interface Mark {
  readonly feature: MarkedFeature;
  readonly entity: number;
  readonly version: number;
}

/** Version 0 has this event time: 2026-01-01T00:00:00Z. Each version is a second later. */
export const FIRST_SECOND = 1_767_225_600;

const ENTITIES = 100_000;
const FEATURES = 100;
/** What Redis' protocol looks like, inside values: a reader that lost its place would find it there. */
const DISTRACTION = '\r\n$-1\r\n*2\r\n$3\r\n-ERR no\r\n_\r\n';

export function markedValue({ feature, entity, version }: Mark): Value {
  if (feature.type === ValueType_Enum.INT64) {
    const number = (version * ENTITIES + entity) * FEATURES + feature.index;
    return create(ValueSchema, { val: { case: 'int64Val', value: BigInt(number) } });
  }
  const more = DISTRACTION.slice(0, (entity * 7 + feature.index) % (DISTRACTION.length + 1));
  return create(ValueSchema, {
    val: { case: 'stringVal', value: `${feature.name}/${entity}@${version}|${more}` },
  });
}

export function markedBytes(mark: Mark): Uint8Array {
  return toBinary(ValueSchema, markedValue(mark));
}

/** Reads where a value says that it belongs; `undefined` for one that no row of the programme can hold. */
export function markOf({ val }: Value): Mark | undefined {
  let mark: Mark | undefined;
  if (val.case === 'int64Val') {
    const number = Number(val.value);
    const rest = Math.floor(number / FEATURES);
    mark = markFrom(markedFeatures[number % FEATURES], rest % ENTITIES, Math.floor(rest / ENTITIES));
  } else if (val.case === 'stringVal') {
    const [, name, entity, version] = /^(\w+)\/(\d+)@(\d+)\|/.exec(val.value) ?? [];
    mark = markFrom(
      markedFeatures.find((feature) => feature.name === name),
      Number(entity),
      Number(version),
    );
  }
  if (mark === undefined) return undefined;
  const expected = markedValue(mark).val;
  return expected.case === val.case && expected.value === val.value ? mark : undefined;
}

function markFrom(feature: MarkedFeature | undefined, entity: number, version: number): Mark | undefined {
  return feature === undefined || !Number.isInteger(entity) || !Number.isInteger(version)
    ? undefined
    : { feature, entity, version };
}
