import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { stringify } from 'yaml';
import { type Registry, RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { definitionsFromTexts } from '../../src/definitions/load-definitions.ts';
import type { ProjectDefinitions } from '../../src/registry/project-definitions.ts';
import type { FeatureRepo } from './feature-repo.ts';

/** What definitions in YAML make of project `p`. */
export function definedProject(...texts: readonly string[]): ProjectDefinitions {
  const files = texts.map((text, index) => ({ file: index === 0 ? 'definitions.yaml' : `more-${index}.yaml`, text }));
  return definitionsFromTexts(files, { name: 'p' }, { env: {} });
}

/** A registry of these objects, and no others. */
export function registryOfDefinitions({ project, ...objects }: ProjectDefinitions): Registry {
  return create(RegistrySchema, {
    registrySchemaVersion: '1',
    projects: [project],
    entities: [...objects.entities],
    dataSources: [...objects.dataSources],
    featureViews: [...objects.featureViews],
    featureServices: [...objects.featureServices],
  });
}

/** Project `p` on SQLite, its registry made of definitions in YAML, in a temporary folder. */
export function createDefinedRepo(definitions: string, sections: Readonly<Record<string, unknown>> = {}): FeatureRepo {
  const path = mkdtempSync(join(tmpdir(), 'sideboard-defined-'));
  writeFileSync(
    join(path, 'registry.db'),
    toBinary(RegistrySchema, registryOfDefinitions(definedProject(definitions))),
  );
  const config = { project: 'p', registry: 'registry.db', online_store: { path: 'online.db' }, ...sections };
  writeFileSync(join(path, 'feature_store.yaml'), stringify(config));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
