import { create } from '@bufbuild/protobuf';
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import {
  FeatureViewMetaSchema,
  FeatureViewState,
  MaterializationIntervalSchema,
} from '../../../gen/feast/core/FeatureView_pb.ts';
import type { TimePoint } from '../../encoding/timestamp.ts';
import { RegistryError } from '../registry-error.ts';
import { RegistryDocument } from './registry-document.ts';
import type { RegistryFile, RegistryUpdateOptions } from './registry-file.ts';
import { registryKinds } from './registry-kinds.ts';
import { timestampFrom, timestampNow } from './registry-time.ts';

export interface MaterializationRecord {
  readonly project: string;
  /** Name of a feature view or stream feature view. */
  readonly view: string;
  /** Begin of the span of event times that was materialized. Cut to microseconds, as Feast keeps it. */
  readonly start: TimePoint;
  /** End of the span: where the next incremental run of Feast or Sideboard begins. */
  readonly end: TimePoint;
}

/** How long a record waits for another writer, which holds the lock for as long as its `apply` changes the store. */
const defaultWaitMs = 60_000;

/**
 * Notes in a registry file that a view was materialized, as Feast 0.67's `apply_materialization` does: the interval is added to
 * those of the view, the view's state becomes AVAILABLE_ONLINE, and the times of the view and of the registry are set. Everything else
 * stays. What Feast wrote in the meantime is kept, and the record is added to it.
 * @throws RegistryError `REGISTRY_VIEW_MISSING`, and those of {@link RegistryFile.update}
 */
export async function recordMaterialization(
  file: RegistryFile,
  record: MaterializationRecord,
  options: RegistryUpdateOptions = {},
): Promise<void> {
  await file.update(
    (current) => {
      const document = new RegistryDocument(current, `registry file ${file.path}`);
      const now = timestampNow();
      addInterval(document, record, now);
      return { bytes: document.toBytes(now), result: undefined };
    },
    { waitMs: defaultWaitMs, retries: 20, ...options },
  );
}

function addInterval(
  document: RegistryDocument,
  { project, view, start, end }: MaterializationRecord,
  now: Timestamp,
): void {
  const { featureView, streamFeatureView } = registryKinds;
  const interval = create(MaterializationIntervalSchema, {
    startTime: timestampFrom(start),
    endTime: timestampFrom(end),
  });
  for (const kind of [featureView, streamFeatureView] as const) {
    const found = document.find<typeof featureView.schema | typeof streamFeatureView.schema>(kind, project, view);
    if (found === undefined) continue;
    const { message } = found;
    message.meta ??= create(FeatureViewMetaSchema);
    message.meta.materializationIntervals.push(interval);
    message.meta.lastUpdatedTimestamp = now;
    message.meta.state = FeatureViewState.AVAILABLE_ONLINE;
    document.replace(found, message);
    return;
  }
  throw new RegistryError(
    'REGISTRY_VIEW_MISSING',
    `The registry holds no feature view or stream feature view "${view}" of project "${project}".`,
    { hint: 'It went away meanwhile: what was materialized is not recorded. Apply it again.' },
  );
}
