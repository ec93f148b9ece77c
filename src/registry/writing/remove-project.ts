import { RegistryError } from '../registry-error.ts';
import { forgetSqliteTables } from './infra-tables.ts';
import { RegistryDocument } from './registry-document.ts';
import { registryKinds } from './registry-kinds.ts';
import { timestampNow } from './registry-time.ts';

/** The tag by which Feast protects a project from `feast teardown`. */
const protectedTag = 'feast.dev/protected-project';

/**
 * A registry without a project: without its objects of every kind, its versions, its metadata and its recorded tables. Feast
 * 0.67's `feast teardown` leaves the metadata behind, from which its next command makes the project anew; and it removes every other
 * project too, which this does not.
 * @returns the registry as it is to be written; nothing where it does not hold the project
 * @throws RegistryError `REGISTRY_PLAN_REFUSED` for a project that is protected; those of {@link RegistryDocument}
 */
export function removeProject(registry: Uint8Array, source: string, project: string): Uint8Array | undefined {
  const document = new RegistryDocument(registry, source);
  assertNotProtected(document, project);
  forgetSqliteTables(document, project);
  let removed = 0;
  for (const kind of Object.values(registryKinds)) {
    for (const object of document.objects<typeof kind.schema>(kind, project)) {
      document.remove(object);
      removed += 1;
    }
  }
  for (const version of document.versions(project)) {
    document.removeVersion(version);
    removed += 1;
  }
  return removed === 0 ? undefined : document.toBytes(timestampNow());
}

/**
 * @throws RegistryError `REGISTRY_PLAN_REFUSED`
 */
export function assertProjectRemovable(registry: Uint8Array, source: string, project: string): void {
  assertNotProtected(new RegistryDocument(registry, source), project);
}

function assertNotProtected(document: RegistryDocument, project: string): void {
  const tags = document.find(registryKinds.project, project, project)?.message.spec?.tags ?? {};
  if (tags[protectedTag] !== 'true') return;
  throw new RegistryError('REGISTRY_PLAN_REFUSED', `Project "${project}" is protected by its tag ${protectedTag}.`, {
    hint: 'To remove the project, first remove the tag where the project is managed.',
  });
}
