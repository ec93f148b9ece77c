import { ServingError } from './serving-error.ts';

/** How much one request may ask for. */
export interface RequestLimits {
  /** Upper bound of entity rows in a request. */
  readonly maxEntities: number;
  /** Upper bound of features in a request. */
  readonly maxFeatures: number;
  /** Upper bound of entity rows times features: what an answer takes grows with it, and neither bound alone holds it. */
  readonly maxValues: number;
}

/** @throws ServingError `TOO_MANY_FEATURES` */
export function assertFeatures(features: number, { maxFeatures }: RequestLimits): void {
  if (features <= maxFeatures) return;
  throw new ServingError(
    'TOO_MANY_FEATURES',
    `The request asks for ${features} features; the limit is ${maxFeatures}.`,
    { hint: 'Ask for fewer at a time, or raise sideboard.serving.max_features_per_request.' },
  );
}

/** @throws ServingError `TOO_MANY_ENTITIES`, `TOO_MANY_VALUES` */
export function assertRows(rows: number, features: number, { maxEntities, maxValues }: RequestLimits): void {
  if (rows > maxEntities) {
    throw new ServingError('TOO_MANY_ENTITIES', `The request has ${rows} entity rows; the limit is ${maxEntities}.`, {
      hint: 'Ask in smaller batches, or raise sideboard.serving.max_entities_per_request.',
    });
  }
  const values = rows * features;
  if (values <= maxValues) return;
  throw new ServingError(
    'TOO_MANY_VALUES',
    `The request asks for ${values} values, ${features} features of ${rows} entity rows; the limit is ${maxValues}.`,
    { hint: 'Ask in smaller batches, or raise sideboard.serving.max_values_per_request.' },
  );
}
