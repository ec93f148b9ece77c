import { create } from '@bufbuild/protobuf';
import { type Project, ProjectSchema } from '../../gen/feast/core/Project_pb.ts';
import type { Registry } from '../../gen/feast/core/Registry_pb.ts';
import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import type { ProjectDefinitions } from '../registry/project-definitions.ts';
import { type DefinitionsText, readDefinitionFiles } from './definition-files.ts';
import { DefinitionFindings } from './definition-findings.ts';
import type { DefinitionsFile } from './definitions-schema.ts';
import { entitiesToProto } from './entities-to-proto.ts';
import { type Located, locateDefinitions } from './located-definitions.ts';
import { PinnedViews } from './pinned-views.ts';
import { serviceToProto } from './services-to-proto.ts';
import { ProjectSources } from './sources-to-proto.ts';
import { type BuiltView, viewToProto } from './views-to-proto.ts';

export interface DefinitionsOptions {
  /** The variables that `${VAR}` may name. Default: `process.env`. */
  readonly env?: NodeJS.ProcessEnv;
  /** The registry as it is, for versions of views that services pin. Without it a pinned version is taken to be the current one. */
  readonly registry?: Registry;
}

export interface DefinedProject {
  readonly name: string;
  /** For a project that its definitions do not describe: `project_description` of feature_store.yaml. */
  readonly description?: string;
}

/**
 * Reads a project's definitions in YAML: what `sideboard.definitions` names, else `definitions.yaml` or the folder `definitions/`
 * beside feature_store.yaml.
 *
 * The messages are what Feast 0.67's SDK would apply for the same definitions, without times: without `meta`, also in the copies
 * of sources that views, projections and push sources hold. The entity `__dummy` is among them, as in every registry.
 *
 * @returns nothing where a project has no definitions in YAML
 * @throws DefinitionsError telling all that is wrong, with file, line and column
 */
export async function loadDefinitions(
  config: FeatureStoreConfig,
  options: DefinitionsOptions = {},
): Promise<ProjectDefinitions | undefined> {
  const texts = await readDefinitionFiles(config.repoPath, config.sideboard.definitions);
  if (texts === undefined) return undefined;
  const { value: description } = config.section(['project_description']);
  const project = { name: config.project, ...(typeof description === 'string' ? { description } : {}) };
  return definitionsFromTexts(texts, project, options);
}

/**
 * What files of definitions say together.
 * @throws DefinitionsError telling all that is wrong, with file, line and column
 */
export function definitionsFromTexts(
  texts: readonly DefinitionsText[],
  { name: project, description = '' }: DefinedProject,
  { env = process.env, registry }: DefinitionsOptions = {},
): ProjectDefinitions {
  const findings = new DefinitionFindings();
  const definitions = locateDefinitions(texts, env, findings);
  if (definitions === undefined) {
    findings.throwIfAny();
    throw new TypeError('definitions were refused without a finding');
  }

  const entities = entitiesToProto(definitions.entities, project, findings);
  const sources = new ProjectSources(definitions.sources, findings);
  const views = new Map<string, Located<BuiltView>>();
  for (const [name, located] of definitions.views) {
    const value = viewToProto(located, definitions, sources, project, findings);
    views.set(name, { value, place: located.place });
  }
  const pinned = new PinnedViews(registry, project, findings);
  const services = [...definitions.services.values()].map((service) =>
    serviceToProto(service, { views, sources, pinned, project, findings }),
  );
  findings.throwIfAny();
  return {
    project: projectToProto(definitions.project?.value, { name: project, description }),
    entities,
    dataSources: sources.listed(project),
    featureViews: [...views.values()].map(({ value }) => value.message),
    featureServices: services,
  };
}

function projectToProto(described: DefinitionsFile['project'], { name, description = '' }: DefinedProject): Project {
  if (described === undefined) return create(ProjectSchema, { spec: { name, description } });
  const { tags, owner } = described;
  return create(ProjectSchema, { spec: { name, description: described.description || description, tags, owner } });
}
