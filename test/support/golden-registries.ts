import { fromBinary } from '@bufbuild/protobuf';
import { type Registry, RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { goldenFolders, readGolden } from './golden.ts';

/** The recorded registry files of Feast: those of `registry/`, and of the projects on Redis. */
export function goldenRegistries(): readonly Registry[] {
  const files = [
    ...['kitchen_sink', 'minimal', 'two_projects'].map((name) => ['registry', name, 'registry.db']),
    ...goldenFolders('redis').map((name) => ['redis', name, 'repo', 'data', 'registry.db']),
  ];
  return files.map((path) => fromBinary(RegistrySchema, readGolden(...path)));
}
