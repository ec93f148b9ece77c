import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { DataSourceSchema } from '../../../gen/feast/core/DataSource_pb.ts';
import { EntitySchema } from '../../../gen/feast/core/Entity_pb.ts';
import { FeatureServiceSchema } from '../../../gen/feast/core/FeatureService_pb.ts';
import { FeatureViewSchema } from '../../../gen/feast/core/FeatureView_pb.ts';
import { FeatureViewVersionRecordSchema } from '../../../gen/feast/core/FeatureViewVersion_pb.ts';
import { LabelViewSchema } from '../../../gen/feast/core/LabelView_pb.ts';
import { OnDemandFeatureViewSchema } from '../../../gen/feast/core/OnDemandFeatureView_pb.ts';
import { PermissionSchema } from '../../../gen/feast/core/Permission_pb.ts';
import { ProjectSchema } from '../../../gen/feast/core/Project_pb.ts';
import { ProjectMetadataSchema } from '../../../gen/feast/core/Registry_pb.ts';
import { SavedDatasetSchema } from '../../../gen/feast/core/SavedDataset_pb.ts';
import { StreamFeatureViewSchema } from '../../../gen/feast/core/StreamFeatureView_pb.ts';
import { ValidationReferenceSchema } from '../../../gen/feast/core/ValidationProfile_pb.ts';

/** One of the lists of a registry: its field, what is in it, and how an object says its name and project. */
export interface RegistryKind<T extends DescMessage = DescMessage> {
  readonly field: number;
  readonly schema: T;
  readonly nameOf: (object: MessageShape<T>) => string;
  readonly projectOf: (object: MessageShape<T>) => string;
}

interface WithSpec {
  readonly spec?: { readonly name: string; readonly project: string } | undefined;
}

const ofSpec = {
  nameOf: (object: WithSpec) => object.spec?.name ?? '',
  projectOf: (object: WithSpec) => object.spec?.project ?? '',
};

const plain = {
  nameOf: (object: { readonly name: string }) => object.name,
  projectOf: (object: { readonly project: string }) => object.project,
};

export const registryKinds = {
  entity: kind({ field: 1, schema: EntitySchema, ...ofSpec }),
  featureView: kind({ field: 6, schema: FeatureViewSchema, ...ofSpec }),
  featureService: kind({ field: 7, schema: FeatureServiceSchema, ...ofSpec }),
  onDemandFeatureView: kind({ field: 8, schema: OnDemandFeatureViewSchema, ...ofSpec }),
  savedDataset: kind({ field: 11, schema: SavedDatasetSchema, ...ofSpec }),
  dataSource: kind({ field: 12, schema: DataSourceSchema, ...plain }),
  validationReference: kind({ field: 13, schema: ValidationReferenceSchema, ...plain }),
  streamFeatureView: kind({ field: 14, schema: StreamFeatureViewSchema, ...ofSpec }),
  projectMetadata: kind({
    field: 15,
    schema: ProjectMetadataSchema,
    nameOf: (object) => object.project,
    projectOf: (object) => object.project,
  }),
  permission: kind({ field: 16, schema: PermissionSchema, ...ofSpec }),
  project: kind({
    field: 17,
    schema: ProjectSchema,
    nameOf: (object) => object.spec?.name ?? '',
    projectOf: (object) => object.spec?.name ?? '',
  }),
  labelView: kind({ field: 19, schema: LabelViewSchema, ...ofSpec }),
} as const;

/** The records of `feature_view_version_history`, which are a list in a message of its own. */
export const versionRecordKind = kind({
  field: 1,
  schema: FeatureViewVersionRecordSchema,
  nameOf: (record) => record.featureViewName,
  projectOf: (record) => record.projectId,
});

function kind<T extends DescMessage>(described: RegistryKind<T>): RegistryKind<T> {
  return described;
}
