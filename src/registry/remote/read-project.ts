import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { RegistrySchema } from '../../../gen/feast/core/Registry_pb.ts';
import {
  ListAllFeatureViewsRequestSchema,
  ListProjectsRequestSchema,
  ListProjectsResponseSchema,
} from '../../../gen/feast/registry/RegistryServer_pb.ts';
import { embeddedMessages, type ObjectKind, objectKinds, writeObject } from '../project-objects.ts';
import { RegistryError } from '../registry-error.ts';

/** Calls a method of `feast.registry.RegistryServer`; `undefined` where the server does not have it. */
export type RemoteCall = (method: string, request: Uint8Array) => Promise<Uint8Array | undefined>;

/** The lists of one kind; their answers have the objects in field 1. Servers of older releases lack those of label views. */
const lists: readonly (readonly [method: string, kind: ObjectKind])[] = [
  ['ListEntities', objectKinds.entity],
  ['ListFeatureServices', objectKinds.featureService],
  ['ListLabelViews', objectKinds.labelView],
  ['ListPermissions', objectKinds.permission],
];

/** Fields of `AnyFeatureView`; label views have a list of their own. */
const viewKinds: Readonly<Record<number, ObjectKind>> = {
  1: objectKinds.featureView,
  2: objectKinds.onDemandFeatureView,
  3: objectKinds.streamFeatureView,
};

/**
 * One round over the lists of a project, as a serialized `feast.core.Registry`. The server answers from the registry that
 * it has in memory, as for Feast's own feature servers.
 */
export async function readProject(call: RemoteCall, name: string, project: string): Promise<Uint8Array> {
  const whose = create(ListProjectsRequestSchema, { allowCache: true });
  const known = await call('ListProjects', toBinary(ListProjectsRequestSchema, whose));
  if (known === undefined) throw noRegistryServer(name);
  const { projects } = fromBinary(ListProjectsResponseSchema, known);
  if (projects.length === 0) throw nothingShown(name, project);
  // The requests of all lists begin with the same two fields.
  const ofProject = create(ListAllFeatureViewsRequestSchema, { project, allowCache: true });
  const request = toBinary(ListAllFeatureViewsRequestSchema, ofProject);

  const writer = new BinaryWriter();
  for (const [method, kind] of lists) {
    const answer = (await call(method, request)) ?? new Uint8Array(0);
    for (const [field, object] of embeddedMessages(answer)) {
      if (field === 1) writeObject(writer, kind, object, project);
    }
  }
  const views = await call('ListAllFeatureViews', request);
  if (views === undefined) throw noRegistryServer(name);
  for (const [field, any] of embeddedMessages(views)) {
    if (field !== 1) continue;
    for (const [arm, view] of embeddedMessages(any)) {
      const kind = viewKinds[arm];
      if (kind !== undefined) writeObject(writer, kind, view, project);
    }
  }
  const own = projects.find((each) => each.spec?.name === project);
  const registry = create(RegistrySchema, {
    projects: projects.map(({ spec }) => ({ spec: { name: spec?.name ?? '' } })),
    ...(own?.meta?.lastUpdatedTimestamp === undefined ? {} : { lastUpdated: own.meta.lastUpdatedTimestamp }),
  });
  writer.raw(toBinary(RegistrySchema, registry));
  return writer.finish();
}

function noRegistryServer(name: string): RegistryError {
  return new RegistryError('REGISTRY_UNREADABLE', `The ${name} is not a registry server of Feast 0.41 or newer.`, {
    hint: 'Correct registry.path: it is the address of `feast serve_registry`, port 6570 by default.',
  });
}

function nothingShown(name: string, project: string): RegistryError {
  return new RegistryError('REGISTRY_ACCESS_DENIED', `The ${name} shows the sidecar no project at all.`, {
    hint: `Run \`feast apply\`, or grant the sidecar's role DESCRIBE on project ${project} and what is in it.`,
  });
}
