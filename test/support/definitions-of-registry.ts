import { clone } from '@bufbuild/protobuf';
import { DataSourceSchema } from '../../gen/feast/core/DataSource_pb.ts';
import { EntitySchema } from '../../gen/feast/core/Entity_pb.ts';
import { FeatureServiceSchema } from '../../gen/feast/core/FeatureService_pb.ts';
import { FeatureViewSchema } from '../../gen/feast/core/FeatureView_pb.ts';
import { ProjectSchema } from '../../gen/feast/core/Project_pb.ts';
import type { Registry } from '../../gen/feast/core/Registry_pb.ts';
import type { ProjectDefinitions } from '../../src/registry/project-definitions.ts';
import { sourcesOfService, sourcesOfView, withBatchSource } from '../../src/registry/writing/data-source-copies.ts';

/** Definitions that a project of a registry may have come from: its objects without what the registry itself puts into them. */
export function definitionsOfRegistry(registry: Registry, project: string): ProjectDefinitions {
  const ofProject = ({ spec }: { readonly spec?: { readonly project: string } | undefined }) =>
    spec?.project === project;
  const projects = registry.projects.filter(({ spec }) => spec?.name === project);
  const [proto] = projects.map((each) => without(clone(ProjectSchema, each)));
  if (proto === undefined) throw new Error(`the registry has no project ${project}`);
  return {
    project: proto,
    entities: registry.entities
      .filter((entity) => ofProject(entity) && entity.spec?.name !== '__dummy')
      .map((entity) => without(clone(EntitySchema, entity))),
    dataSources: registry.dataSources
      .filter((source) => source.project === project)
      .map((source) => {
        const copy = clone(DataSourceSchema, source);
        for (const each of withBatchSource(copy)) delete each.meta;
        copy.project = '';
        return copy;
      }),
    featureViews: registry.featureViews.filter(ofProject).map((view) => {
      const copy = without(clone(FeatureViewSchema, view));
      if (copy.spec !== undefined) for (const each of sourcesOfView(copy.spec)) delete each.meta;
      return copy;
    }),
    featureServices: registry.featureServices.filter(ofProject).map((service) => {
      const copy = without(clone(FeatureServiceSchema, service));
      if (copy.spec !== undefined) for (const each of sourcesOfService(copy.spec)) delete each.meta;
      return copy;
    }),
  };
}

function without<T extends { meta?: unknown; spec?: { name: string } | undefined }>(object: T): T {
  delete object.meta;
  if (object.spec !== undefined && 'project' in object.spec) object.spec.project = '';
  return object;
}
