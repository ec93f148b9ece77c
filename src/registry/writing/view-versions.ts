import { randomUUID } from 'node:crypto';
import { create, equals, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import {
  type FeatureView,
  FeatureViewSchema,
  type FeatureViewSpec,
  FeatureViewSpecSchema,
} from '../../../gen/feast/core/FeatureView_pb.ts';
import { FeatureViewVersionRecordSchema } from '../../../gen/feast/core/FeatureViewVersion_pb.ts';
import { RegistryError } from '../registry-error.ts';
import { comparableView } from './comparable.ts';
import type { RegistryDocument } from './registry-document.ts';

/** Whether a change needs a version of its own: another schema does, everything else is how the view is run. As in Feast. */
export function isOtherSchema(left: FeatureViewSpec, right: FeatureViewSpec): boolean {
  return !equals(FeatureViewSpecSchema, schemaOf(left), schemaOf(right));
}

function schemaOf(spec: FeatureViewSpec): FeatureViewSpec {
  const { features, entities, entityColumns, sourceViews } = comparableView(spec);
  return create(FeatureViewSpecSchema, { features, entities, entityColumns, sourceViews });
}

/** Whether two specs are the same whatever version they ask for. */
export function isSameWhateverVersion(left: FeatureViewSpec, right: FeatureViewSpec): boolean {
  const [one, other] = [comparableView(left), comparableView(right)];
  one.version = other.version;
  return equals(FeatureViewSpecSchema, one, other);
}

/** The number that the next version of a view gets: numbers count from 0 and are never given out again. */
export function nextVersion(document: RegistryDocument, project: string, view: string): number {
  const numbers = document.versions(project, view).map(({ message }) => message.versionNumber);
  return Math.max(-1, ...numbers) + 1;
}

/** Adds a view to the history as it stands. */
export function addVersion(document: RegistryDocument, view: FeatureView, versionNumber: number, now: Timestamp): void {
  document.addVersion(
    create(FeatureViewVersionRecordSchema, {
      featureViewName: view.spec?.name ?? '',
      projectId: view.spec?.project ?? '',
      versionNumber,
      featureViewType: 'feature_view',
      featureViewProto: toBinary(FeatureViewSchema, view),
      createdTimestamp: now,
      versionId: randomUUID(),
    }),
  );
}

/**
 * A version from the history.
 * @throws RegistryError `REGISTRY_PLAN_REFUSED` where its record cannot be read
 */
export function findVersion(
  document: RegistryDocument,
  project: string,
  view: string,
  versionNumber: number,
): FeatureView | undefined {
  const record = document
    .versions(project, view)
    .find(({ message }) => message.versionNumber === versionNumber)?.message;
  if (record === undefined) return undefined;
  const what = `Version ${versionNumber} of view "${view}"`;
  if (record.featureViewType !== 'feature_view') {
    throw new RegistryError('REGISTRY_PLAN_REFUSED', `${what} is a ${record.featureViewType}, not a feature view.`, {
      hint: 'Pin another version, or apply it with Feast.',
    });
  }
  try {
    return fromBinary(FeatureViewSchema, record.featureViewProto);
  } catch (cause) {
    throw new RegistryError('REGISTRY_PLAN_REFUSED', `${what} cannot be read from the history of the registry.`, {
      hint: 'Pin another version.',
      cause,
    });
  }
}
