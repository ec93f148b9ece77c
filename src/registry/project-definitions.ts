import type { DataSource } from '../../gen/feast/core/DataSource_pb.ts';
import type { Entity } from '../../gen/feast/core/Entity_pb.ts';
import type { FeatureService } from '../../gen/feast/core/FeatureService_pb.ts';
import type { FeatureView } from '../../gen/feast/core/FeatureView_pb.ts';
import type { Project } from '../../gen/feast/core/Project_pb.ts';

/**
 * What a project is to consist of, as Feast's registry holds it: messages with their `spec`, and without `meta`, which says when an
 * object was applied and is the registry's affair.
 */
export interface ProjectDefinitions {
  readonly project: Project;
  readonly entities: readonly Entity[];
  readonly dataSources: readonly DataSource[];
  readonly featureViews: readonly FeatureView[];
  readonly featureServices: readonly FeatureService[];
}
