import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import type { EventTimestamp } from '../../src/stores/online-store.ts';

/** What the bench reads: five views of fifty features each, keyed by one integer. Every value follows from its place. */

export const PROJECT = 'bench';
export const ENTITY = 'user';
export const JOIN_KEY = 'user_id';

export interface BenchFeature {
  readonly name: string;
  readonly type: ValueType_Enum;
}

export interface BenchView {
  readonly name: string;
  readonly features: readonly BenchFeature[];
}

/** How many features of each kind a view has, in declared order: fifty in all. */
const kinds: readonly { readonly letter: string; readonly type: ValueType_Enum; readonly count: number }[] = [
  { letter: 'count', type: ValueType_Enum.INT64, count: 16 },
  { letter: 'score', type: ValueType_Enum.DOUBLE, count: 16 },
  { letter: 'label', type: ValueType_Enum.STRING, count: 10 },
  { letter: 'flag', type: ValueType_Enum.BOOL, count: 6 },
  { letter: 'embedding', type: ValueType_Enum.FLOAT_LIST, count: 1 },
  { letter: 'seen', type: ValueType_Enum.UNIX_TIMESTAMP, count: 1 },
];

const EMBEDDING_LENGTH = 32;
/** 2025-11-01T12:00:00Z */
const FIRST_EVENT = 1_761_998_400;

export const benchViews: readonly BenchView[] = ['profile', 'orders', 'sessions', 'payments', 'devices'].map(
  (name) => ({
    name,
    features: kinds.flatMap(({ letter, type, count }) =>
      Array.from({ length: count }, (_, index) => ({ name: `${name}_${letter}_${index}`, type })),
    ),
  }),
);

/** A feature's value for an entity, in the form that `encodeValue` takes: never null, never a bare NaN. */
export function valueAt(feature: BenchFeature, entity: number): unknown {
  const noise = mix(textHash(feature.name), entity);
  switch (feature.type) {
    case ValueType_Enum.INT64:
      return BigInt(noise % 1_000_000) - 100_000n;
    case ValueType_Enum.DOUBLE:
      return noise / 0x1_0000_0000;
    case ValueType_Enum.STRING:
      return `segment-${noise.toString(36)}`;
    case ValueType_Enum.BOOL:
      return noise % 2 === 1;
    case ValueType_Enum.FLOAT_LIST:
      return Array.from({ length: EMBEDDING_LENGTH }, (_, index) => Math.fround(mix(noise, index) / 0x8000_0000 - 1));
    default:
      return FIRST_EVENT + (noise % 100_000);
  }
}

/** When an entity's row was written: the same in all views. */
export function eventTimeOf(entity: number): EventTimestamp {
  return { seconds: FIRST_EVENT + (entity % 3600), nanos: 0 };
}

function textHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

function mix(a: number, b: number): number {
  let hash = Math.imul(a ^ Math.imul(b + 1, 0x9e3779b1), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  return (hash ^ (hash >>> 13)) >>> 0;
}
