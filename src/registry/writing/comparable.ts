import { clone } from '@bufbuild/protobuf';
import { type DataSource, DataSourceSchema } from '../../../gen/feast/core/DataSource_pb.ts';
import { type EntitySpecV2, EntitySpecV2Schema } from '../../../gen/feast/core/Entity_pb.ts';
import { type FeatureServiceSpec, FeatureServiceSpecSchema } from '../../../gen/feast/core/FeatureService_pb.ts';
import { type FeatureViewSpec, FeatureViewSpecSchema } from '../../../gen/feast/core/FeatureView_pb.ts';
import { type ProjectSpec, ProjectSpecSchema } from '../../../gen/feast/core/Project_pb.ts';
import { sourcesOfService, sourcesOfView, stripSource, withBatchSource } from './data-source-copies.ts';

/*
 * Objects in the form in which they are compared: copies without what the registry adds and without differences that mean
 * nothing to Feast 0.67's own comparison, which is that of its classes and not of the bytes.
 */

export function comparableProject(spec: ProjectSpec): ProjectSpec {
  return clone(ProjectSpecSchema, spec);
}

export function comparableEntity(spec: EntitySpecV2): EntitySpecV2 {
  const copy = clone(EntitySpecV2Schema, spec);
  copy.project = '';
  if (copy.joinKey === '') copy.joinKey = copy.name;
  return copy;
}

export function comparableSource(source: DataSource): DataSource {
  const copy = clone(DataSourceSchema, source);
  for (const each of withBatchSource(copy)) stripSource(each);
  return copy;
}

/** Features and entities of a view have no order: keys are sorted when they are serialized, and requests name features. */
export function comparableView(spec: FeatureViewSpec): FeatureViewSpec {
  const copy = clone(FeatureViewSpecSchema, spec);
  for (const source of sourcesOfView(copy)) stripSource(source);
  normalizeView(copy);
  return copy;
}

function normalizeView(spec: FeatureViewSpec): void {
  spec.project = '';
  spec.version = versionText(spec.version);
  spec.entities.sort();
  spec.features.sort(byName);
  spec.entityColumns.sort(byName);
  if (spec.ttl?.seconds === 0n && spec.ttl.nanos === 0) delete spec.ttl;
  spec.sourceViews.forEach(normalizeView);
}

export function comparableService(spec: FeatureServiceSpec): FeatureServiceSpec {
  const copy = clone(FeatureServiceSpecSchema, spec);
  for (const source of sourcesOfService(copy)) stripSource(source);
  copy.project = '';
  for (const projection of copy.features) if (projection.viewType === 'featureView') projection.viewType = '';
  return copy;
}

/** The number that a view's `version` pins: `v2`, `version2`; nothing for `latest`. */
export function pinnedVersion(version: string): number | undefined {
  const digits = /^v(?:ersion)?(\d+)$/i.exec(version)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function versionText(version: string): string {
  const pinned = pinnedVersion(version);
  return pinned === undefined ? 'latest' : `v${pinned}`;
}

function byName(left: { readonly name: string }, right: { readonly name: string }): number {
  return left.name < right.name ? -1 : 1;
}
