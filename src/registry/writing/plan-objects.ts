import { clone, create, type DescMessage, equals, type Message, type MessageShape } from '@bufbuild/protobuf';
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import {
  type DataSource,
  DataSource_SourceMetaSchema,
  DataSourceSchema,
} from '../../../gen/feast/core/DataSource_pb.ts';
import {
  EntityMetaSchema,
  EntitySchema,
  type EntitySpecV2,
  EntitySpecV2Schema,
} from '../../../gen/feast/core/Entity_pb.ts';
import {
  FeatureServiceMetaSchema,
  FeatureServiceSchema,
  type FeatureServiceSpec,
  FeatureServiceSpecSchema,
} from '../../../gen/feast/core/FeatureService_pb.ts';
import {
  ProjectMetaSchema,
  ProjectSchema,
  type ProjectSpec,
  ProjectSpecSchema,
} from '../../../gen/feast/core/Project_pb.ts';
import { dummyEntity } from '../dummy-entity.ts';
import { comparableEntity, comparableProject, comparableService, comparableSource } from './comparable.ts';
import { sourcesOfService, stampCopies, withBatchSource } from './data-source-copies.ts';
import { fieldChanges } from './field-changes.ts';
import type { ViewContext } from './plan-view.ts';
import { registryKinds } from './registry-kinds.ts';
import type { PlannedChange, PlannedKind } from './registry-plan.ts';
import { bothTimes } from './registry-time.ts';

/*
 * The kinds of objects that have no versions. A new one gets both times; one that differs keeps the time at which it was made;
 * one that does not is not touched. What Feast 0.67 records, except that it also stamps objects that have not changed on some
 * stores.
 */

export function planProject({ document, project, now }: ViewContext, defined: ProjectSpec): PlannedChange | undefined {
  const { project: kind } = registryKinds;
  const existing = document.find(kind, project, project);
  const spec = clone(ProjectSpecSchema, defined);
  if (existing?.message.spec === undefined) {
    document.add(kind, create(ProjectSchema, { spec, meta: create(ProjectMetaSchema, bothTimes(now)) }));
    return creation('project', project);
  }
  const change = changeOf('project', project, ProjectSpecSchema, [existing.message.spec, spec], comparableProject);
  if (change !== undefined)
    document.replace(
      existing,
      updated(existing.message, spec, existing.message.meta ?? create(ProjectMetaSchema), now),
    );
  return change;
}

export function planEntity({ document, project, now }: ViewContext, defined: EntitySpecV2): PlannedChange | undefined {
  const { entity: kind } = registryKinds;
  const existing = document.find(kind, project, defined.name);
  const spec = clone(EntitySpecV2Schema, defined);
  spec.project = project;
  if (existing?.message.spec === undefined) {
    document.add(kind, create(EntitySchema, { spec, meta: create(EntityMetaSchema, bothTimes(now)) }));
    return creation('entity', spec.name);
  }
  const change = changeOf('entity', spec.name, EntitySpecV2Schema, [existing.message.spec, spec], comparableEntity);
  if (change !== undefined)
    document.replace(existing, updated(existing.message, spec, existing.message.meta ?? create(EntityMetaSchema), now));
  return change;
}

/** Every registry of Feast's holds the entity of views without one; it is not part of what a user defines. */
export function planDummyEntity({ document, project, now }: ViewContext): void {
  const { name, joinKey } = dummyEntity;
  if (document.find(registryKinds.entity, project, name) !== undefined) return;
  const spec = create(EntitySpecV2Schema, { name, joinKey, project });
  document.add(registryKinds.entity, create(EntitySchema, { spec, meta: create(EntityMetaSchema, bothTimes(now)) }));
}

export function planSource(
  { document, project, now, times }: ViewContext,
  defined: DataSource,
): PlannedChange | undefined {
  const { dataSource: kind } = registryKinds;
  const existing = document.find(kind, project, defined.name);
  const source = clone(DataSourceSchema, defined);
  source.project = project;
  if (source.batchSource !== undefined) stampCopies(withBatchSource(source.batchSource), times);
  if (existing === undefined) {
    source.meta = create(DataSource_SourceMetaSchema, bothTimes(now));
    document.add(kind, source);
    return creation('data source', source.name);
  }
  const before = existing.message;
  const change = changeOf('data source', source.name, DataSourceSchema, [before, source], comparableSource);
  if (change === undefined) return undefined;
  source.meta = create(DataSource_SourceMetaSchema, { ...before.meta, lastUpdatedTimestamp: now });
  if (before.$unknown !== undefined) source.$unknown = before.$unknown;
  document.replace(existing, source);
  return change;
}

export function planService(context: ViewContext, defined: FeatureServiceSpec): PlannedChange | undefined {
  const { document, project, now, times } = context;
  const { featureService: kind } = registryKinds;
  const existing = document.find(kind, project, defined.name);
  const spec = clone(FeatureServiceSpecSchema, defined);
  spec.project = project;
  stampCopies(sourcesOfService(spec), times);
  if (existing?.message.spec === undefined) {
    document.add(kind, create(FeatureServiceSchema, { spec, meta: create(FeatureServiceMetaSchema, bothTimes(now)) }));
    return creation('feature service', spec.name);
  }
  const specs = [existing.message.spec, spec] as const;
  const change = changeOf('feature service', spec.name, FeatureServiceSpecSchema, specs, comparableService);
  if (change !== undefined)
    document.replace(
      existing,
      updated(existing.message, spec, existing.message.meta ?? create(FeatureServiceMetaSchema), now),
    );
  return change;
}

/** An object with its defined spec, what the registry keeps of it, and fields that a later Feast added to either. */
function updated<O extends { spec?: Message | undefined }, M extends { lastUpdatedTimestamp?: Timestamp | undefined }>(
  existing: O,
  spec: NonNullable<O['spec']>,
  meta: M,
  now: Timestamp,
): O & { meta: M } {
  if (existing.spec?.$unknown !== undefined) spec.$unknown = existing.spec.$unknown;
  meta.lastUpdatedTimestamp = now;
  return { ...existing, spec, meta };
}

function creation(kind: PlannedKind, name: string): PlannedChange {
  return { action: 'create', kind, name, fields: [] };
}

function changeOf<T extends DescMessage>(
  kind: PlannedKind,
  name: string,
  schema: T,
  [before, after]: readonly [MessageShape<T>, MessageShape<T>],
  comparable: (message: MessageShape<T>) => MessageShape<T>,
): PlannedChange | undefined {
  const [left, right] = [comparable(before), comparable(after)];
  if (equals(schema, left, right)) return undefined;
  return { action: 'change', kind, name, fields: fieldChanges(schema, left, right) };
}
