import { valueTypeName } from '../encoding/value-type.ts';
import { dummyEntity } from '../registry/dummy-entity.ts';
import type { RegistryStatus } from '../registry/registry-holder.ts';
import type { FeatureSpec, FeatureViewSpec, RegistrySnapshot } from '../registry/registry-snapshot.ts';
import { CliError } from './cli-error.ts';
import type { CommandContext } from './command-context.ts';
import { openProjectRegistry } from './composition.ts';
import type { InspectOptions } from './inspect-command.ts';
import { loadProjectConfig } from './project-config.ts';
import { registryOriginText } from './registry-origin.ts';
import { printableText, textTable } from './text-table.ts';

/** Shows the registry. The store is not asked. */
export async function inspect(
  name: string | undefined,
  options: InspectOptions,
  { io, globals }: CommandContext,
): Promise<void> {
  const config = await loadProjectConfig(globals(), io.env);
  const registry = await openProjectRegistry({ config, env: io.env, warn: io.warn });
  const snapshot = registry.current();
  const status = registry.status();
  await registry.close();
  const description = describe(snapshot, status, config.registry.enableOnlineFeatureViewVersioning);
  const chosen = name === undefined ? description : only(description, name);
  io.out(
    options.json === true
      ? JSON.stringify(chosen, undefined, 2)
      : textOf(chosen, name === undefined ? status : undefined),
  );
}

type Description = ReturnType<typeof describe>;

/** The registry as plain data: what `--json` prints. */
function describe(
  snapshot: RegistrySnapshot,
  { origin, checkedAt }: Pick<RegistryStatus, 'origin' | 'checkedAt'>,
  versioned: boolean,
) {
  return {
    project: snapshot.project,
    projects: snapshot.projects,
    origin,
    checkedAt: new Date(checkedAt).toISOString(),
    versionId: snapshot.versionId,
    lastUpdated: new Date(snapshot.lastUpdated).toISOString(),
    views: [...snapshot.views.values()].map((view) => ({
      name: view.name,
      kind: view.kind,
      served: isServed(view),
      description: view.description,
      owner: view.owner,
      tags: view.tags,
      entities: view.entities.filter((entity) => entity !== dummyEntity.name),
      joinKeys: view.joinKeys
        .filter((key) => key.name !== dummyEntity.joinKey)
        .map((key) => ({ name: key.name, type: valueTypeName(key.valueType) })),
      features: view.features.map(featureOf),
      ttlSeconds: view.ttlSeconds,
      online: view.online,
      ...(versioned ? { currentVersion: view.currentVersion, versions: [...view.versions.keys()] } : {}),
      pushSources: view.pushSources,
    })),
    services: [...snapshot.services.values()].map((service) => ({
      name: service.name,
      description: service.description,
      owner: service.owner,
      tags: service.tags,
      projections: service.projections.map((projection) => ({
        view: projection.viewName,
        alias: projection.alias,
        ...(projection.version === undefined ? {} : { version: projection.version }),
        joinKeyMap: Object.fromEntries(projection.joinKeyMap),
        features: projection.features.map((feature) => feature.name),
      })),
    })),
    entities: [...snapshot.entities.values()]
      .filter((entity) => entity.name !== dummyEntity.name)
      .map((entity) => ({
        name: entity.name,
        joinKey: entity.joinKey,
        type: valueTypeName(entity.valueType),
        description: entity.description,
        tags: entity.tags,
      })),
  };
}

function featureOf(feature: FeatureSpec) {
  return { name: feature.name, type: valueTypeName(feature.valueType), description: feature.description };
}

function isServed(view: FeatureViewSpec): boolean {
  return view.online && (view.onDemand === undefined || view.onDemand.writeToOnlineStore);
}

function only(description: Description, name: string): Description {
  const views = description.views.filter((view) => view.name === name);
  const services = description.services.filter((service) => service.name === name);
  if (views.length + services.length === 0) {
    const known = [...description.views, ...description.services].map((each) => each.name);
    throw new CliError('CLI_USAGE', `Project "${description.project}" has no view or service "${name}".`, {
      hint: `There are: ${known.join(', ') || 'none'}.`,
    });
  }
  return { ...description, views, services, entities: [] };
}

/** @param status where the whole registry is shown, of which the first line tells */
function textOf(description: Description, status: RegistryStatus | undefined): string {
  const { project, projects, lastUpdated, views, services, entities } = description;
  const blocks: string[] = [];
  if (status !== undefined) {
    const others = projects.filter((other) => other !== project);
    const beside = others.length === 0 ? '' : `; the registry also holds ${others.join(', ')}`;
    blocks.push(`project ${project}, registry of ${lastUpdated} (${registryOriginText(status)})${beside}`);
  }
  for (const view of views) {
    const rows = view.features.map((feature) => [`  ${feature.name}`, feature.type, feature.description]);
    blocks.push(heading('view', view.name, viewFacts(view), view.description) + listed(rows));
  }
  for (const service of services) {
    const rows = service.projections.map((projection) => [
      `  ${projection.alias}`,
      projection.features.join(', '),
      asText(projection),
    ]);
    blocks.push(heading('service', service.name, [], service.description) + listed(rows));
  }
  if (entities.length > 0) {
    const rows = entities.map((entity) => [`  ${entity.name}`, `${entity.joinKey} ${entity.type}`, entity.description]);
    blocks.push(`entities${listed(rows)}`);
  }
  return blocks.join('\n\n');
}

function viewFacts(view: Description['views'][number]): string[] {
  const kind = kindNames[view.kind];
  if (view.kind === 'on_demand_feature_view' && !view.served) return [kind, 'not served: needs Python'];
  const keys = view.joinKeys.map((key) => `${key.name} ${key.type}`).join(', ');
  const facts = [kind, keys === '' ? 'no entity' : `by ${keys}`];
  facts.push(view.ttlSeconds === 0 ? 'no ttl' : `ttl ${duration(view.ttlSeconds)}`);
  if (view.versions !== undefined) facts.push(`version ${view.currentVersion}`, `kept: ${view.versions.join(', ')}`);
  if (!view.online) facts.push('not online');
  return facts;
}

const kindNames: Readonly<Record<FeatureViewSpec['kind'], string>> = {
  feature_view: 'feature view',
  stream_feature_view: 'stream feature view',
  on_demand_feature_view: 'on-demand feature view',
  label_view: 'label view',
};

function heading(what: string, name: string, facts: readonly string[], description: string): string {
  const more = facts.length === 0 ? '' : ` (${facts.join(', ')})`;
  return printableText(`${what} ${name}${more}${description === '' ? '' : `: ${description}`}`);
}

function listed(rows: readonly (readonly string[])[]): string {
  const [first, ...rest] = rows;
  return first === undefined ? '' : `\n${textTable(first, rest)}`;
}

/** What a service does to a view beyond taking features of it. */
function asText(projection: Description['services'][number]['projections'][number]): string {
  const parts = [
    ...(projection.alias === projection.view ? [] : [`view ${projection.view}`]),
    ...(projection.version === undefined ? [] : [`version ${projection.version}`]),
    ...Object.entries(projection.joinKeyMap).map(([key, name]) => `${key} sent as ${name}`),
  ];
  return parts.join(', ');
}

const units = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const;

/** `90 min`, `7 d`: the largest unit that needs no fraction. */
function duration(seconds: number): string {
  const [name, size] = units.find(([, unit]) => seconds % unit === 0) ?? ['s', 1];
  return `${seconds / size} ${name}`;
}
