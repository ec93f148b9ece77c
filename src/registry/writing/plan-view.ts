import { clone, create, equals } from '@bufbuild/protobuf';
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import {
  type FeatureView,
  type FeatureViewMeta,
  FeatureViewMetaSchema,
  FeatureViewSchema,
  type FeatureViewSpec,
  FeatureViewSpecSchema,
  FeatureViewState,
} from '../../../gen/feast/core/FeatureView_pb.ts';
import { RegistryError } from '../registry-error.ts';
import { comparableView, pinnedVersion } from './comparable.ts';
import { type SourceTimes, sourcesOfView, stampCopies } from './data-source-copies.ts';
import { fieldChanges } from './field-changes.ts';
import type { RegistryDocument, RegistryObject } from './registry-document.ts';
import { registryKinds } from './registry-kinds.ts';
import type { PlannedChange } from './registry-plan.ts';
import { bothTimes } from './registry-time.ts';
import { addVersion, findVersion, isOtherSchema, isSameWhateverVersion, nextVersion } from './view-versions.ts';

export interface ViewContext {
  readonly document: RegistryDocument;
  readonly project: string;
  readonly now: Timestamp;
  readonly times: SourceTimes;
}

type Existing = RegistryObject<typeof FeatureViewSchema>;

/**
 * Brings one feature view of the registry to what is defined, as Feast 0.67's `Registry.apply_feature_view` does: a new view is
 * version 0 of itself, another schema makes the next version, anything else changes the view as it is. `vN` brings version N
 * back, or makes it where there is none. Intervals that were materialized stay.
 *
 * Other than there, a change that makes no version keeps the current one: Feast resets it to none, so that reads go to the rows
 * of version 0 from then on.
 * @returns the change; nothing where the view is as it is defined
 * @throws RegistryError `REGISTRY_PLAN_REFUSED`
 */
export function planView(context: ViewContext, defined: FeatureViewSpec): PlannedChange | undefined {
  const { document, project } = context;
  const existing = document.find(registryKinds.featureView, project, defined.name);
  const spec = clone(FeatureViewSpecSchema, defined);
  spec.project = project;
  stampCopies(sourcesOfView(spec), context.times);
  const pinned = pinnedVersion(spec.version);
  if (existing?.message.spec === undefined) return createView(context, spec, pinned ?? 0);
  if (pinned === undefined) return changeView(context, existing, spec);
  return pinView(context, existing, spec, pinned);
}

function createView(context: ViewContext, spec: FeatureViewSpec, version: number): PlannedChange {
  const { document, now } = context;
  const meta = create(FeatureViewMetaSchema, { ...bothTimes(now), currentVersionNumber: version });
  const view = create(FeatureViewSchema, { spec, meta });
  addVersion(document, view, version, now);
  document.add(registryKinds.featureView, view);
  return { action: 'create', kind: 'feature view', name: spec.name, fields: [], ...(version > 0 && { version }) };
}

function changeView(context: ViewContext, existing: Existing, spec: FeatureViewSpec): PlannedChange | undefined {
  const { document, project, now } = context;
  const before = existing.message.spec ?? create(FeatureViewSpecSchema);
  const change = describe(before, spec);
  if (change === undefined) return undefined;
  if (!isOtherSchema(before, spec)) {
    document.replace(existing, updated(existing.message, spec, now));
    return change;
  }
  let version = nextVersion(document, project, spec.name);
  if (version === 0) {
    // A view from before there were versions becomes the first one.
    addVersion(document, existing.message, 0, now);
    version = 1;
  }
  const view = updated(existing.message, spec, now);
  view.meta.currentVersionNumber = version;
  addVersion(document, view, version, now);
  document.replace(existing, view);
  return { ...change, version };
}

function pinView(
  context: ViewContext,
  existing: Existing,
  spec: FeatureViewSpec,
  version: number,
): PlannedChange | undefined {
  const { document, project, now } = context;
  const before = existing.message.spec ?? create(FeatureViewSpecSchema);
  const recorded = findVersion(document, project, spec.name, version);
  if (recorded?.spec === undefined) {
    const change = describe(before, spec);
    const view = updated(existing.message, spec, now);
    view.meta.currentVersionNumber = version;
    // A version that is declared ahead has a beginning of its own in the history.
    const meta = create(FeatureViewMetaSchema, { ...bothTimes(now), currentVersionNumber: version });
    addVersion(document, { ...view, meta }, version, now);
    document.replace(existing, view);
    return { action: 'change', kind: 'feature view', name: spec.name, fields: change?.fields ?? [], version };
  }
  const active = existing.message.meta?.currentVersionNumber === version && pinnedVersion(before.version) === version;
  const same = isSameWhateverVersion(before, spec);
  if (active && (same || isNewestVersion(context, spec))) return undefined;
  if (!same) {
    throw new RegistryError(
      'REGISTRY_PLAN_REFUSED',
      `View "${spec.name}" is to go back to version ${version}, and its definition differs from the view as it is applied.`,
      { hint: 'Do one after the other: undo the difference and apply, then change the version, or the definition.' },
    );
  }
  const restored = clone(FeatureViewSpecSchema, recorded.spec);
  restored.version = spec.version;
  const view = updated(existing.message, restored, now);
  view.meta.currentVersionNumber = version;
  if (recorded.meta !== undefined && isOtherSchema(before, restored)) {
    // What was loaded since went into the table of another version: the next incremental load begins where this one's ended.
    const { materializationIntervals: intervals, state } = recorded.meta;
    if (intervals.length > 0) view.meta.materializationIntervals = intervals;
    view.meta.state = state;
  }
  document.replace(existing, view);
  return { ...(describe(before, restored) ?? emptyChange(spec.name)), version };
}

/** A definition that pins an older version goes on describing the newest one. */
function isNewestVersion({ document, project }: ViewContext, spec: FeatureViewSpec): boolean {
  const newest = findVersion(document, project, spec.name, nextVersion(document, project, spec.name) - 1);
  return newest?.spec !== undefined && !isOtherSchema(newest.spec, spec);
}

/** The view with another spec. What the registry keeps of it stays, and so do fields that a later Feast added. */
function updated(existing: FeatureView, spec: FeatureViewSpec, now: Timestamp): UpdatedView {
  const { meta = create(FeatureViewMetaSchema), ...view } = clone(FeatureViewSchema, existing);
  if (existing.spec?.$unknown !== undefined) spec.$unknown = existing.spec.$unknown;
  meta.lastUpdatedTimestamp = now;
  // Nothing is known yet of what the new schema will hold.
  if (existing.spec !== undefined && isOtherSchema(existing.spec, spec))
    meta.state = FeatureViewState.STATE_UNSPECIFIED;
  return { ...view, spec, meta };
}

type UpdatedView = FeatureView & { readonly meta: FeatureViewMeta };

function describe(before: FeatureViewSpec, after: FeatureViewSpec): PlannedChange | undefined {
  const [left, right] = [comparableView(before), comparableView(after)];
  if (equals(FeatureViewSpecSchema, left, right)) return undefined;
  return { ...emptyChange(after.name), fields: fieldChanges(FeatureViewSpecSchema, left, right) };
}

function emptyChange(name: string): PlannedChange {
  return { action: 'change', kind: 'feature view', name, fields: [] };
}
