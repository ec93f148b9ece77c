import { create, mergeFromBinary } from '@bufbuild/protobuf';
import { type Registry, RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { atOnce, type Steps } from './in-turns.ts';
import { RegistryError } from './registry-error.ts';
import { registryParts } from './registry-parts.ts';

/** `registry_schema_version` that Feast writes today and that this reader knows. */
const knownRegistrySchemaVersion = 1;

/**
 * Parses a serialized `feast.core.Registry`.
 *
 * protobuf cannot tell a message that was cut off between two fields from a whole one, and zero bytes are a valid message.
 * The project's own record is what can: every Feast writes one, and its field number is higher than those of the entities,
 * views and services, so that it comes last. A registry without any is not whole.
 *
 * @param source How to call the registry in the message of an error.
 * @throws RegistryError `REGISTRY_CORRUPT`
 */
export function registryFromBytes(bytes: Uint8Array, source: string): Registry {
  return atOnce(registryFromBytesSteps(bytes, source));
}

/** {@link registryFromBytes} in steps. */
export function* registryFromBytesSteps(bytes: Uint8Array, source: string): Steps<Registry> {
  if (bytes.length === 0) throw corrupt(source, 'is empty');
  const registry = create(RegistrySchema);
  try {
    // Parts of a message, parsed into one, are the message.
    for (const part of registryParts(bytes)) {
      // Unknown fields are kept: a policy of a later Feast must not look like one that says nothing.
      mergeFromBinary(RegistrySchema, registry, part);
      yield;
    }
  } catch (error) {
    throw corrupt(source, `is cut off or not a Feast registry (${bytes.length} bytes)`, error);
  }
  if (registry.projects.length === 0 && registry.projectMetadata.length === 0) {
    throw corrupt(
      source,
      `names no project: nothing was applied, all was torn down, or it is cut off (${bytes.length} bytes)`,
    );
  }
  return registry;
}

/** What to say about a registry that a newer Feast wrote; nothing when its schema is known. */
export function schemaVersionWarning(registry: Registry, source: string): string | undefined {
  const version = registry.registrySchemaVersion;
  if (version === '' || Number(version) <= knownRegistrySchemaVersion) return undefined;
  return (
    `The ${source} has schema version "${version}"; this release knows ${knownRegistrySchemaVersion}. ` +
    'It is served as far as it is understood.'
  );
}

function corrupt(source: string, what: string, cause?: unknown): RegistryError {
  return new RegistryError('REGISTRY_CORRUPT', `The ${source} ${what}.`, {
    hint:
      'Write it again with `sideboard apply` or `feast apply`, or restore it; a registry that is being written is read again ' +
      'by itself.',
    ...(cause === undefined ? {} : { cause }),
  });
}
