import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import { defaultServingPolicy, feastPythonPolicy, type ServingPolicy } from '../serving/serving-policy.ts';

/** How answers are given, as `feature_store.yaml` says. */
export function servingPolicyFromConfig(config: FeatureStoreConfig): ServingPolicy {
  const { serving, entityKeyFallback, entityKeys } = config.sideboard;
  return {
    ...defaultServingPolicy,
    ...(serving.compatibility === 'feast-python' ? feastPythonPolicy : {}),
    statuses: serving.statuses,
    ttl: serving.ttl,
    entityTypes: serving.entityTypes,
    storedTypes: serving.storedTypes,
    versionedReads: config.registry.enableOnlineFeatureViewVersioning,
    maxEntities: serving.maxEntitiesPerRequest,
    maxFeatures: serving.maxFeaturesPerRequest,
    maxValues: serving.maxValuesPerRequest,
    maxPendingBytes: serving.maxPendingBytes,
    maxQueueAgeMs: serving.maxQueueAgeMs,
    planCacheSize: serving.planCacheSize,
    entityKeyFallback,
    entityKeys: new Map(entityKeys.map((declaration) => [declaration.joinKey, declaration])),
  };
}
