import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { stringify } from 'yaml';
import { RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import type { FeatureRepo } from './feature-repo.ts';
import { registryOf } from './registries.ts';

export type Types = Readonly<Record<string, keyof typeof ValueType_Enum>>;

/** A feature of mlforge as a feature view. */
export interface MlforgeFeature {
  readonly name: string;
  /** Join keys and their types. */
  readonly keys: Types;
  readonly columns: Types;
  readonly ttlSeconds?: number;
}

export interface MlforgeRepoOptions {
  readonly features: readonly MlforgeFeature[];
  readonly onlineStore: Readonly<Record<string, unknown>>;
  readonly sideboard?: Readonly<Record<string, unknown>>;
}

/** Lays out project `p` over mlforge's rows in a temporary folder. Every join key has an entity `<key>_entity`. */
export function createMlforgeRepo({ features, onlineStore, sideboard }: MlforgeRepoOptions): FeatureRepo {
  const path = mkdtempSync(join(tmpdir(), 'sideboard-mlforge-'));
  const keys = new Map(features.flatMap((feature) => Object.entries(feature.keys)));
  const registry = registryOf({
    entities: [...keys].map(([joinKey, type]) => {
      return { spec: { name: `${joinKey}_entity`, project: 'p', joinKey, valueType: ValueType_Enum[type] } };
    }),
    featureViews: features.map(({ name, keys: own, columns, ttlSeconds }) => ({
      spec: {
        name,
        project: 'p',
        online: true,
        entities: Object.keys(own).map((key) => `${key}_entity`),
        entityColumns: columnsOf(own),
        features: columnsOf(columns),
        ...(ttlSeconds !== undefined && { ttl: { seconds: BigInt(ttlSeconds) } }),
      },
    })),
  });
  writeFileSync(join(path, 'registry.db'), toBinary(RegistrySchema, registry));
  const config = { project: 'p', registry: 'registry.db', online_store: onlineStore, ...(sideboard && { sideboard }) };
  writeFileSync(join(path, 'feature_store.yaml'), stringify(config));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

function columnsOf(types: Types): { name: string; valueType: ValueType_Enum }[] {
  return Object.entries(types).map(([name, type]) => ({ name, valueType: ValueType_Enum[type] }));
}
