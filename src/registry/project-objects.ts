import { create, type DescMessage, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { BinaryReader, type BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { EntitySchema } from '../../gen/feast/core/Entity_pb.ts';
import { FeatureServiceSchema } from '../../gen/feast/core/FeatureService_pb.ts';
import { FeatureViewSchema } from '../../gen/feast/core/FeatureView_pb.ts';
import { LabelViewSchema } from '../../gen/feast/core/LabelView_pb.ts';
import { OnDemandFeatureViewSchema } from '../../gen/feast/core/OnDemandFeatureView_pb.ts';
import { PermissionSchema } from '../../gen/feast/core/Permission_pb.ts';
import { StreamFeatureViewSchema } from '../../gen/feast/core/StreamFeatureView_pb.ts';

/** A kind of objects that a `feast.core.Registry` lists. */
export interface ObjectKind {
  /** Number of the list's field. */
  readonly field: number;
  /** An object of which only the project is set: put behind a serialized one, it sets its project. */
  readonly ofProject: (project: string) => Uint8Array;
}

export const objectKinds = {
  entity: objectKind(1, EntitySchema, (project) => ({ spec: { project } })),
  featureView: objectKind(6, FeatureViewSchema, (project) => ({ spec: { project } })),
  featureService: objectKind(7, FeatureServiceSchema, (project) => ({ spec: { project } })),
  onDemandFeatureView: objectKind(8, OnDemandFeatureViewSchema, (project) => ({ spec: { project } })),
  streamFeatureView: objectKind(14, StreamFeatureViewSchema, (project) => ({ spec: { project } })),
  labelView: objectKind(19, LabelViewSchema, (project) => ({ spec: { project } })),
  permission: objectKind(16, PermissionSchema, (project) => ({ spec: { project } })),
} as const;

function objectKind<T extends DescMessage>(
  field: number,
  schema: T,
  ofProject: (project: string) => MessageInitShape<T>,
): ObjectKind {
  return { field, ofProject: (project) => toBinary(schema, create(schema, ofProject(project))) };
}

/**
 * Adds a serialized object to the registry that is being written. Databases and servers keep an object's project beside it;
 * in the registry it stands in the object.
 */
export function writeObject(writer: BinaryWriter, kind: ObjectKind, object: Uint8Array, project: string): void {
  const behind = kind.ofProject(project);
  writer.tag(kind.field, WireType.LengthDelimited).uint32(object.length + behind.length);
  writer.raw(object).raw(behind);
}

/**
 * The embedded messages of a serialized message: number of the field, and bytes. Nothing in them is looked at.
 * @throws Error where the message is cut off.
 */
export function* embeddedMessages(bytes: Uint8Array): Generator<readonly [field: number, message: Uint8Array]> {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType === WireType.LengthDelimited) yield [field, reader.bytes()];
    else reader.skip(wireType, field);
  }
  if (reader.pos !== reader.len) throw new RangeError('the message is cut off');
}
