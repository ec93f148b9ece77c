import { resolve } from 'node:path';
import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import { dummyEntity } from '../registry/dummy-entity.ts';
import { createFileRegistrySource } from '../registry/file-registry-source.ts';
import { openRegistry } from '../registry/registry-holder.ts';
import type { RegistrySnapshot } from '../registry/registry-snapshot.ts';
import type { OnlineEntity, OnlineTable } from '../stores/online-store.ts';
import { onlineEntitiesOfSnapshot } from '../stores/online-table.ts';
import type { ApplyOptions } from './apply-command.ts';
import { CliError } from './cli-error.ts';
import type { CommandContext } from './command-context.ts';
import { type OpenProject, openProject } from './composition.ts';
import { canAsk, confirm } from './confirm.ts';
import { exitCodes } from './exit-codes.ts';
import type { Io } from './io.ts';
import { isEmptyPlan, leftAlone, planJson, plannedTables, type ShownPlan } from './plan-text.ts';
import { planStore, type StorePlan } from './store-plan.ts';
import { textTable } from './text-table.ts';

type Action = 'create' | 'keep' | 'ensure' | 'remove' | 'leave';

/** Makes the store fit the registry that Feast wrote. */
export async function applyRegistry(options: ApplyOptions, { io, globals, exitWith }: CommandContext): Promise<void> {
  const project = await openProject({ location: globals(), env: io.env, warn: io.warn });
  try {
    const registry = project.registry.current();
    const previous =
      options.previousRegistry === undefined
        ? undefined
        : await readRegistry(options.previousRegistry, project.config, io.warn);
    const plan = await planStore({
      store: project.store,
      registry,
      ...(previous === undefined ? {} : { previous }),
      versioned: project.config.registry.enableOnlineFeatureViewVersioning,
    });
    const removing = options.dryRun === true ? plan.leftOver.length > 0 : await mayRemove(plan, options, io);
    if (options.dryRun !== true) {
      await project.store.update({
        tablesToKeep: plan.wanted,
        tablesToDelete: removing ? plan.leftOver : [],
        entitiesToKeep: onlineEntitiesOfSnapshot(registry),
        entitiesToDelete: removing ? entitiesThatWentAway(registry, previous) : [],
        partial: false,
      });
    }
    const shown = shownPlan(plan, removing, project, registry);
    if (options.json === true) io.out(planJson(shown, options.dryRun !== true));
    else report(plan, removing, options.dryRun === true, io);
    if (options.detailedExitcode === true && !isEmptyPlan(shown)) exitWith(exitCodes.changes.code);
  } finally {
    await project.close();
  }
}

function shownPlan(plan: StorePlan, removing: boolean, project: OpenProject, registry: RegistrySnapshot): ShownPlan {
  const tables = plannedTables(plan).map((table) => (removing ? table : leftAlone(table)));
  const { onlineStore } = project.config;
  return { project: registry.project, store: onlineStore.type, changes: [], tables, notes: [] };
}

async function readRegistry(
  file: string,
  { project, sideboard }: FeatureStoreConfig,
  warn: (message: string) => void,
): Promise<RegistrySnapshot> {
  const { maxBytes } = sideboard.registry;
  const source = createFileRegistrySource({ path: resolve(file), repoPath: process.cwd(), maxBytes });
  const holder = await openRegistry({ source, project, cacheTtlSeconds: 0, warn });
  await holder.close();
  return holder.current();
}

/** Creating never waits for the answer: without consent it is all that happens. */
async function mayRemove(plan: StorePlan, options: ApplyOptions, io: Io): Promise<boolean> {
  if (plan.leftOver.length === 0 || options.yes === true) return true;
  if (!canAsk(io)) return false;
  const names = plan.leftOver.map((table) => table.name).join(', ');
  try {
    await confirm(io, `These belong to no view any more, and their rows would be removed: ${names}.`, 'remove');
    return true;
  } catch (error) {
    if (error instanceof CliError) return false;
    throw error;
  }
}

function entitiesThatWentAway(
  registry: RegistrySnapshot,
  previous: RegistrySnapshot | undefined,
): readonly OnlineEntity[] {
  if (previous === undefined) return [];
  return onlineEntitiesOfSnapshot(previous).filter((entity) => !registry.entities.has(entity.name));
}

function report(plan: StorePlan, removing: boolean, dryRun: boolean, io: Io): void {
  const rows: (readonly [Action, OnlineTable])[] = [
    ...plan.wanted.map((table): [Action, OnlineTable] => [actionFor(table, plan.present), table]),
    ...plan.leftOver.map((table): [Action, OnlineTable] => [removing ? 'remove' : 'leave', table]),
  ];
  if (rows.length === 0) {
    io.note('The registry has no views that are online: there is nothing to do.');
    return;
  }
  const words = dryRun ? wouldBe : done;
  io.out(
    textTable(
      ['table', 'join keys', 'result'],
      rows.map(([action, table]) => [table.name, joinKeysOf(table), words[action]]),
    ),
  );
  if (!removing && plan.leftOver.length > 0) {
    io.note('What belongs to no view any more was left alone; `sideboard apply --yes` removes it.');
  }
}

function actionFor(table: OnlineTable, present: ReadonlySet<string> | undefined): Action {
  if (present === undefined) return 'ensure';
  return present.has(table.name) ? 'keep' : 'create';
}

function joinKeysOf(table: OnlineTable): string {
  return table.joinKeys.filter((key) => key !== dummyEntity.joinKey).join(', ') || '-';
}

const done: Readonly<Record<Action, string>> = {
  create: 'created',
  keep: 'there already',
  ensure: 'ready',
  remove: 'removed',
  leave: 'left over',
};

const wouldBe: Readonly<Record<Action, string>> = { ...done, create: 'to be created', remove: 'to be removed' };
