import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import { entityKeysInForce } from '../definitions/surrogate-key.ts';
import type { Logger } from '../operations/logger.ts';
import type { ProjectMetrics } from '../operations/metrics/project-metrics.ts';
import type { Readiness } from '../operations/readiness.ts';
import { tracedRegistrySource } from '../operations/tracing/traced-registry-source.ts';
import type { Tracer } from '../operations/tracing/tracer.ts';
import { createRegistryCopy } from '../registry/registry-copy.ts';
import { openRegistry, type RegistryHolder, type RegistryOptions } from '../registry/registry-holder.ts';
import type { RegistrySnapshot } from '../registry/registry-snapshot.ts';
import type { OnlineStore } from '../stores/online-store.ts';
import { ResolutionError } from '../stores/resolution-error.ts';
import { resolveOnlineStore } from '../stores/resolve.ts';
import type { Retries } from '../stores/retry-allowance.ts';
import { storeSettingsKey } from '../stores/store-types.ts';
import { loadProjectConfig, type ProjectLocation } from './project-config.ts';
import { registryCopyPath, registrySourceFromConfig } from './registry-source-from-config.ts';

/** A project's parts, opened together and closed together. */
export interface OpenProject {
  readonly config: FeatureStoreConfig;
  readonly registry: RegistryHolder;
  readonly store: OnlineStore;
  close(): Promise<void>;
}

export type RegistryEvents = Pick<RegistryOptions, 'onSwap' | 'onError' | 'onRefresh'>;

export interface OpenProjectOptions {
  readonly location: ProjectLocation;
  readonly env: NodeJS.ProcessEnv;
  readonly warn: (message: string) => void;
  /** Keeps the registry fresh in the background and tells about it. Without it the registry is read once. */
  readonly refresh?: RegistryEvents;
}

/**
 * Wires a project together: configuration, registry, store. The store connects to nothing before it is used.
 * @throws ConfigError, RegistryError, ResolutionError, CliError
 */
export async function openProject(options: OpenProjectOptions): Promise<OpenProject> {
  const config = await loadProjectConfig(options.location, options.env);
  const store = await openProjectStore(config, options.warn);
  try {
    const { env, warn, refresh } = options;
    const registry = await openProjectRegistry({ config, env, warn, ...(refresh === undefined ? {} : { refresh }) });
    return {
      config,
      registry,
      store,
      async close() {
        await registry.close();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/**
 * @param retries asked before the store repeats a call
 * @throws ResolutionError, ConfigError
 */
export async function openProjectStore(
  config: FeatureStoreConfig,
  warn: (message: string) => void,
  retries?: Retries,
): Promise<OnlineStore> {
  const { type, place, section } = config.onlineStore;
  const key = storeSettingsKey(type);
  const settings = key === undefined ? undefined : config.section(['sideboard', key]);
  try {
    return await resolveOnlineStore({
      type,
      section,
      settings: settings?.value == null ? undefined : settings,
      context: { project: config.project, repoPath: config.repoPath, warn, retries },
    });
  } catch (error) {
    if (!(error instanceof ResolutionError)) throw error;
    const { code, hint, cause } = error;
    // Resolution knows the type alone; whoever has to correct it wants the line.
    throw new ResolutionError(code, `${place}: ${error.message}`, { ...(hint === undefined ? {} : { hint }), cause });
  }
}

export interface OpenRegistryOptions {
  readonly config: FeatureStoreConfig;
  readonly env: NodeJS.ProcessEnv;
  readonly warn: (message: string) => void;
  /** Keeps the registry fresh in the background, and its copy on disk. Without it the registry is read once. */
  readonly refresh?: RegistryEvents;
  /** Makes a span of each reading. */
  readonly tracer?: Tracer | undefined;
  /** Gives up opening. */
  readonly signal?: AbortSignal;
}

/** @throws RegistryError, CliError `CLI_REGISTRY_NOT_SERVED` */
export async function openProjectRegistry(options: OpenRegistryOptions): Promise<RegistryHolder> {
  const { config, env, warn, refresh, tracer, signal } = options;
  const { timeoutMs, maxBytes } = config.sideboard.registry;
  const untraced = await registrySourceFromConfig(config, env);
  const source = tracer === undefined ? untraced : tracedRegistrySource(untraced, config.registry.type, tracer);
  if (config.registry.type === 'remote' && config.registry.enableOnlineFeatureViewVersioning) {
    warn(`A registry server does not tell the earlier versions of views: requests for them (view@vN) are refused.`);
  }
  const path = registryCopyPath(config);
  const copy =
    path === undefined
      ? undefined
      : createRegistryCopy({ path, project: config.project, source: source.describe(), maxBytes });
  const warnOfEntityKeys = (snapshot: RegistrySnapshot): void => {
    for (const message of entityKeysInForce(config.sideboard.entityKeys, snapshot).warnings) warn(message);
  };
  const holder = await openRegistry({
    source,
    project: config.project,
    cacheTtlSeconds: refresh === undefined ? 0 : config.registry.cacheTtlSeconds,
    loadTimeoutMs: timeoutMs,
    ...(copy === undefined ? {} : { copy, updateCopy: refresh !== undefined }),
    ...(signal === undefined ? {} : { signal }),
    warn,
    ...refresh,
    onSwap(snapshot, previous) {
      warnOfEntityKeys(snapshot);
      refresh?.onSwap?.(snapshot, previous);
    },
  });
  warnOfEntityKeys(holder.current());
  return holder;
}

export interface ServedRegistryOptions {
  readonly config: FeatureStoreConfig;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Logger;
  /** What the log says of a registry that has changed. */
  readonly describeSwap: (snapshot: RegistrySnapshot, previous: RegistrySnapshot) => object;
  /** Told when the registry is there, and whenever it was read again or could not be. */
  readonly readiness: Readiness;
  readonly metrics: ProjectMetrics | undefined;
  readonly tracer: Tracer | undefined;
  /** The process is to stop, and need not wait for a registry any more. */
  readonly signal: AbortSignal;
}

/**
 * Opens the registry of a process that serves: it is kept fresh, and log, probes and metrics tell of it.
 * @throws RegistryError, CliError `CLI_REGISTRY_NOT_SERVED`
 */
export async function openServedRegistry(options: ServedRegistryOptions): Promise<RegistryHolder> {
  const { config, env, log, describeSwap, readiness, metrics, tracer, signal } = options;
  const registry = await openProjectRegistry({
    config,
    env,
    warn: (message) => log.warn(message),
    tracer,
    signal,
    refresh: {
      onSwap: (snapshot, previous) => log.info(describeSwap(snapshot, previous), 'the registry has changed'),
      onError: (err) => log.error({ err }, 'refreshing the registry failed; the last good one stays in use'),
      onRefresh(outcome) {
        metrics?.refreshed(outcome);
        readiness.registryChecked();
      },
    },
  });
  readiness.registryLoaded(() => registry.status());
  metrics?.watchRegistry(registry);
  return registry;
}
