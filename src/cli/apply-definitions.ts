import { fromBinary } from '@bufbuild/protobuf';
import { RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import { shownPath } from '../config/load-config.ts';
import { loadDefinitions } from '../definitions/load-definitions.ts';
import type { ProjectDefinitions } from '../registry/project-definitions.ts';
import { RegistryError } from '../registry/registry-error.ts';
import type { RegistrySnapshot } from '../registry/registry-snapshot.ts';
import { createRegistrySnapshot } from '../registry/snapshot-from-proto.ts';
import { planDefinitions } from '../registry/writing/plan-definitions.ts';
import { RegistryDocument } from '../registry/writing/registry-document.ts';
import { changed, type RegistryFile } from '../registry/writing/registry-file.ts';
import { isSamePlan, type RegistryPlan } from '../registry/writing/registry-plan.ts';
import type { OnlineStore } from '../stores/online-store.ts';
import { onlineEntitiesOfSnapshot } from '../stores/online-table.ts';
import type { ApplyOptions } from './apply-command.ts';
import { CliError } from './cli-error.ts';
import type { CommandContext } from './command-context.ts';
import { openProjectStore } from './composition.ts';
import { canAsk, confirm } from './confirm.ts';
import { exitCodes } from './exit-codes.ts';
import { sqlitePathForFeast } from './feast-sqlite-path.ts';
import type { Io } from './io.ts';
import { isEmptyPlan, leftAlone, planCounts, planJson, plannedTables, planText, type ShownPlan } from './plan-text.ts';
import { registryFileFromConfig } from './registry-file-from-config.ts';
import { planStore, type StorePlan } from './store-plan.ts';

/** So long another process may take that records something in the registry. One that applies takes longer, and is told. */
const waitMs = 10_000;

/**
 * Makes registry and store fit a project's definitions.
 * @returns false, having done nothing, where the project has no definitions
 */
export async function applyDefinitions(
  config: FeatureStoreConfig,
  options: ApplyOptions,
  { io, exitWith }: CommandContext,
): Promise<boolean> {
  const definitions = await loadDefinitions(config, { env: io.env });
  if (definitions === undefined) return false;
  if (options.previousRegistry !== undefined) {
    throw new CliError('CLI_USAGE', '--previous-registry is for projects without definitions.', {
      hint: 'With definitions the registry itself says what goes away.',
    });
  }
  const file = registryFileFromConfig(config);
  const store = await openProjectStore(config, io.warn);
  try {
    const project = { config, definitions, file, store, io };
    const plan = await planProject(project, await file.read());
    const dryRun = options.dryRun === true;
    const json = options.json === true;
    if (!json) show(plan.shown, io);
    const removing = dryRun || (await mayDelete(plan.shown, options, io));
    const shown = removing ? plan.shown : { ...plan.shown, tables: plan.shown.tables.map(leftAlone) };
    if (!dryRun) await carryOut(project, plan, removing);
    if (json) io.out(planJson(shown, !dryRun));
    else if (!dryRun) report(shown, io);
    if (options.detailedExitcode === true && !isEmptyPlan(shown)) exitWith(exitCodes.changes.code);
    return true;
  } finally {
    await store.close();
  }
}

interface ProjectToApply {
  readonly config: FeatureStoreConfig;
  /** As they are without the registry. */
  readonly definitions: ProjectDefinitions;
  readonly file: RegistryFile;
  readonly store: OnlineStore;
  readonly io: Io;
}

/** What is to be done in the registry and in the store. */
interface WholePlan {
  readonly registry: RegistryPlan;
  readonly store: StorePlan;
  /** The project as it will be. */
  readonly after: RegistrySnapshot;
  /** The project as it is; nothing where the registry does not hold it yet. */
  readonly before: RegistrySnapshot | undefined;
  readonly shown: ShownPlan;
}

async function planProject(
  { config, definitions, file, store, io }: ProjectToApply,
  current: Uint8Array | undefined,
): Promise<WholePlan> {
  const { project, onlineStore } = config;
  const source = `registry file ${shownPath(file.path)}`;
  const sqlitePath = sqlitePathForFeast(config);
  const registry = planDefinitions({
    registry: current,
    source,
    definitions: await withPinnedVersions(config, definitions, current, source, io),
    ...(sqlitePath === undefined ? {} : { sqlitePath }),
  });
  const before = snapshotOf(current, project, io);
  const after = snapshotOf(registry.bytes ?? current, project, io);
  if (after === undefined) throw new TypeError('a project that is in no registry was planned without a change');
  const planned = await planStore({
    store,
    registry: after,
    ...(before === undefined ? {} : { previous: before }),
    versioned: config.registry.enableOnlineFeatureViewVersioning,
  });
  const { changes, notes } = registry;
  const shown = { project, registry: source, store: onlineStore.type, changes, tables: plannedTables(planned), notes };
  return { registry, store: planned, after, before, shown };
}

/** Services may pin earlier versions of views, which only the registry knows. */
async function withPinnedVersions(
  config: FeatureStoreConfig,
  definitions: ProjectDefinitions,
  current: Uint8Array | undefined,
  source: string,
  { env }: Io,
): Promise<ProjectDefinitions> {
  if (current === undefined) return definitions;
  // A registry that is cut off is told before anything is compared with it.
  assertReadable(current, source);
  const registry = fromBinary(RegistrySchema, current);
  return (await loadDefinitions(config, { env, registry })) ?? definitions;
}

function assertReadable(current: Uint8Array, source: string): void {
  new RegistryDocument(current, source).projectNames();
}

function snapshotOf(bytes: Uint8Array | undefined, project: string, io: Io): RegistrySnapshot | undefined {
  if (bytes === undefined) return undefined;
  try {
    return createRegistrySnapshot(fromBinary(RegistrySchema, bytes), project, 0, io.warn);
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'REGISTRY_PROJECT_MISSING') return undefined;
    throw error;
  }
}

/**
 * Asks before anything is deleted. Objects of the registry go with the rest of the plan or nothing happens at all; what the
 * store merely has left over is left alone without consent.
 */
async function mayDelete(plan: ShownPlan, options: ApplyOptions, io: Io): Promise<boolean> {
  const objects = planCounts(plan).delete;
  const tables = plan.tables.filter(({ action }) => action === 'delete').length;
  if ((objects === 0 && tables === 0) || options.yes === true) return true;
  if (objects === 0 && !canAsk(io)) return false;
  const what = [
    ...(objects === 0 ? [] : [`${objects} of the registry's objects`]),
    ...(tables === 0 ? [] : [`the rows of ${tables} of the store's tables`]),
  ];
  try {
    await confirm(io, `This deletes ${what.join(' and ')}.`, 'delete');
    return true;
  } catch (error) {
    if (objects === 0 && error instanceof CliError) return false;
    throw error;
  }
}

/**
 * The store first, then the registry. A store that fails leaves the registry as it was, so that it never names what is not
 * there; and since the plan is made of the registry, the next `apply` plans the same again, and updating a store for what it has
 * already changes nothing. Should writing the registry fail, that is what repairs it too.
 */
async function carryOut(project: ProjectToApply, plan: WholePlan, removing: boolean): Promise<void> {
  if (plan.registry.bytes === undefined) {
    await updateStore(project.store, plan, removing);
    return;
  }
  await project.file.update(
    async (current) => {
      const now = await planProject(project, current);
      if (now.registry.bytes === undefined || !isSamePlan(now.registry, plan.registry))
        throw changed(project.file.path);
      await updateStore(project.store, now, removing);
      return { bytes: now.registry.bytes, result: undefined };
    },
    { waitMs },
  );
}

async function updateStore(store: OnlineStore, plan: WholePlan, removing: boolean): Promise<void> {
  const { after, before } = plan;
  const gone = before === undefined ? [] : onlineEntitiesOfSnapshot(before);
  await store.update({
    tablesToKeep: plan.store.wanted,
    tablesToDelete: removing ? plan.store.leftOver : [],
    entitiesToKeep: onlineEntitiesOfSnapshot(after),
    entitiesToDelete: removing ? gone.filter(({ name }) => !after.entities.has(name)) : [],
    partial: false,
  });
}

function show(plan: ShownPlan, io: Io): void {
  io.out(planText(plan, io));
  for (const note of plan.notes) io.note(`note: ${note}`);
}

function report(plan: ShownPlan, io: Io): void {
  if (plan.tables.some(({ action }) => action === 'leave')) {
    io.note('What belongs to no view any more was left alone; `sideboard apply --yes` removes it.');
  }
  if (isEmptyPlan(plan)) return;
  const { create, change, delete: deleted } = planCounts(plan);
  io.out(`Applied: ${create} created, ${change} changed, ${deleted} deleted.`);
}
