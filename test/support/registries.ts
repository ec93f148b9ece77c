import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Registry, RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { registryFromBytes } from '../../src/registry/registry-from-bytes.ts';
import type { RegistrySnapshot } from '../../src/registry/registry-snapshot.ts';
import { createRegistrySnapshot } from '../../src/registry/snapshot-from-proto.ts';
import { readGolden } from './golden.ts';

/** One project of a recorded registry file, given by its path below `test/golden`. */
export function goldenSnapshot(project: string, ...path: readonly string[]): RegistrySnapshot {
  return createRegistrySnapshot(registryFromBytes(readGolden(...path), 'registry'), project, 7);
}

/** A registry of project `p` with these objects. */
export function registryOf(objects: MessageInitShape<typeof RegistrySchema>): Registry {
  return create(RegistrySchema, { projects: [{ spec: { name: 'p' } }], ...objects });
}
