import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import { SideboardError } from '../errors.ts';
import { dummyEntity } from '../registry/dummy-entity.ts';
import type { RegistryStatus } from '../registry/registry-holder.ts';
import type { RegistrySnapshot } from '../registry/registry-snapshot.ts';
import type { OnlineStore } from '../stores/online-store.ts';
import type { CommandContext, GlobalOptions } from './command-context.ts';
import { openProjectRegistry, openProjectStore } from './composition.ts';
import type { DoctorOptions } from './doctor-command.ts';
import { errorCheck, type Finding } from './doctor-finding.ts';
import { exitClassOf, exitCodes } from './exit-codes.ts';
import type { Io } from './io.ts';
import { loadProjectConfig } from './project-config.ts';
import { registryOriginText } from './registry-origin.ts';
import { checkRows } from './sample-check.ts';
import { planStore } from './store-plan.ts';

const STORE_TIMEOUT_MS = 5_000;

/** Runs the checks in the order in which they depend on each other; what cannot be checked any more is left out. */
export async function doctor(options: DoctorOptions, { io, globals, exitWith }: CommandContext): Promise<void> {
  const findings: Finding[] = [];
  let failure: unknown;
  try {
    for await (const finding of examine(globals(), io)) {
      findings.push(finding);
      if (options.json !== true) io.out(findingText(finding));
    }
  } catch (error) {
    if (!(error instanceof FailedCheck)) throw error;
    failure = error.cause;
    const finding = errorCheck(error.check, error.cause);
    findings.push(finding);
    if (options.json !== true) io.out(findingText(finding));
  }
  if (options.json === true) io.out(JSON.stringify(findings, undefined, 2));
  else io.out(verdict(findings));
  const failed = findings.find((finding) => finding.result === 'failed');
  if (failed !== undefined) exitWith(exitCodes[failure === undefined ? 'store' : exitClassOf(failure)].code);
}

/** A check without which the ones behind it mean nothing. */
class FailedCheck extends Error {
  readonly check: string;

  constructor(check: string, cause: unknown) {
    super(check, { cause });
    this.check = check;
  }
}

async function attempt<T>(check: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SideboardError) throw new FailedCheck(check, error);
    throw error;
  }
}

async function* examine(location: GlobalOptions, io: Io): AsyncGenerator<Finding> {
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  const warned = function* (check: string): Generator<Finding> {
    for (const message of warnings.splice(0)) yield { check, result: 'warning', message };
  };

  const config = await attempt('config', () => loadProjectConfig(location, io.env));
  yield { check: 'config', result: 'ok', message: `${config.file}, project ${config.project}` };
  yield* warned('config');

  const holder = await attempt('registry', () => openProjectRegistry({ config, env: io.env, warn }));
  await holder.close();
  const registry = holder.current();
  const status = holder.status();
  yield { check: 'registry', result: 'ok', message: describeRegistry(registry, status) };
  yield* warned('registry');
  yield* unservedViews(registry);

  const store = await attempt('store', () => openProjectStore(config, warn));
  try {
    yield* warned('store');
    yield await attempt('store', () => pinged(store, config));
    yield* examineStore(store, registry, config);
  } finally {
    await store.close();
  }
}

async function pinged(store: OnlineStore, config: FeatureStoreConfig): Promise<Finding> {
  const started = performance.now();
  await store.ping({ deadline: Date.now() + STORE_TIMEOUT_MS });
  const took = (performance.now() - started).toFixed(1);
  return {
    check: 'store',
    result: 'ok',
    message: `${config.onlineStore.type} answers (${took} ms, connecting included)`,
  };
}

async function* examineStore(
  store: OnlineStore,
  registry: RegistrySnapshot,
  config: FeatureStoreConfig,
): AsyncGenerator<Finding> {
  const versioned = config.registry.enableOnlineFeatureViewVersioning;
  const plan = await attempt('tables', () =>
    planStore({ store, registry, versioned, deadline: Date.now() + STORE_TIMEOUT_MS }),
  );
  const { present, wanted, leftOver } = plan;
  const missing = present === undefined ? [] : wanted.filter((table) => !present.has(table.name));
  if (missing.length > 0) {
    yield {
      check: 'tables',
      result: 'failed',
      message: `the store has no table for: ${missing.map((table) => table.name).join(', ')}`,
      advice: 'Run `sideboard apply` or `feast apply`, then materialize.',
    };
  } else if (present !== undefined) {
    yield { check: 'tables', result: 'ok', message: `${wanted.length} of ${wanted.length} are there` };
  }
  if (leftOver.length > 0) {
    yield {
      check: 'tables',
      result: 'warning',
      message: `belongs to no view any more: ${leftOver.map((table) => table.name).join(', ')}`,
      advice: '`sideboard apply` removes it, after asking.',
    };
  }
  for (const table of wanted) {
    if (!missing.includes(table))
      yield* await checkRows({ store, table, registry, config, timeoutMs: STORE_TIMEOUT_MS });
  }
}

function* unservedViews(registry: RegistrySnapshot): Generator<Finding> {
  const computed = [...registry.views.values()].filter((view) => view.onDemand?.writeToOnlineStore === false);
  if (computed.length === 0) return;
  yield {
    check: 'registry',
    result: 'warning',
    message: `on-demand views are not served: ${computed.map((view) => view.name).join(', ')}`,
    advice: 'They are Python functions, which Sideboard does not execute. Requests for them are refused with a code.',
  };
}

function describeRegistry(registry: RegistrySnapshot, status: RegistryStatus): string {
  const { views, services, entities, lastUpdated } = registry;
  const time = new Date(lastUpdated).toISOString();
  const known = entities.has(dummyEntity.name) ? entities.size - 1 : entities.size;
  const counts = `views: ${views.size}, services: ${services.size}, entities: ${known}`;
  return `${counts}; last applied ${time}; ${registryOriginText(status)}`;
}

const labels = { ok: 'ok     ', warning: 'warning', failed: 'FAILED ' } as const;

function findingText({ check, result, message, advice }: Finding): string {
  const line = `${labels[result]}  ${check.padEnd(8)}  ${message}`;
  return advice === undefined ? line : `${line}\n${' '.repeat(19)}-> ${advice}`;
}

function verdict(findings: readonly Finding[]): string {
  const failed = findings.filter((finding) => finding.result === 'failed').length;
  const warnings = findings.filter((finding) => finding.result === 'warning').length;
  const behind = warnings === 0 ? '' : `, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`;
  return failed === 0
    ? `\nready to serve${behind}`
    : `\n${failed} ${failed === 1 ? 'check' : 'checks'} failed${behind}`;
}
