import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import { createFileRegistrySource } from '../registry/file-registry-source.ts';
import { openRegistry, type RegistryHolder, type RegistryOptions } from '../registry/registry-holder.ts';
import type { RegistrySource } from '../registry/registry-source.ts';
import type { OnlineStore } from '../stores/online-store.ts';
import { ResolutionError } from '../stores/resolution-error.ts';
import { resolveOnlineStore } from '../stores/resolve.ts';
import { storeSettingsKey } from '../stores/store-types.ts';
import { CliError } from './cli-error.ts';
import { loadProjectConfig, type ProjectLocation } from './project-config.ts';

/** A project's parts, opened together and closed together. */
export interface OpenProject {
  readonly config: FeatureStoreConfig;
  readonly registry: RegistryHolder;
  readonly store: OnlineStore;
  close(): Promise<void>;
}

export type RegistryEvents = Pick<RegistryOptions, 'onSwap' | 'onError'>;

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
    const registry = await openProjectRegistry(config, options.warn, options.refresh);
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

/** @throws ResolutionError, ConfigError */
export async function openProjectStore(
  config: FeatureStoreConfig,
  warn: (message: string) => void,
): Promise<OnlineStore> {
  const { type, place, section } = config.onlineStore;
  const key = storeSettingsKey(type);
  const settings = key === undefined ? undefined : config.section(['sideboard', key]);
  try {
    return await resolveOnlineStore({
      type,
      section,
      settings: settings?.value == null ? undefined : settings,
      context: { project: config.project, repoPath: config.repoPath, warn },
    });
  } catch (error) {
    if (!(error instanceof ResolutionError)) throw error;
    const { code, hint, cause } = error;
    // Resolution knows the type alone; whoever has to correct it wants the line.
    throw new ResolutionError(code, `${place}: ${error.message}`, { ...(hint === undefined ? {} : { hint }), cause });
  }
}

/** @throws RegistryError, CliError `CLI_REGISTRY_NOT_SERVED` */
export function openProjectRegistry(
  config: FeatureStoreConfig,
  warn: (message: string) => void,
  refresh?: RegistryEvents,
): Promise<RegistryHolder> {
  return openRegistry({
    source: registrySourceFromConfig(config),
    project: config.project,
    cacheTtlSeconds: refresh === undefined ? 0 : config.registry.cacheTtlSeconds,
    warn,
    ...refresh,
  });
}

function registrySourceFromConfig({ registry, repoPath }: FeatureStoreConfig): RegistrySource {
  const { place } = registry;
  if (registry.type !== 'file') {
    const message = `${place}: a registry of type "${registry.type}" is not read by this version.`;
    throw new CliError('CLI_REGISTRY_NOT_SERVED', message, {
      hint: 'Use a registry file: registry: data/registry.db.',
    });
  }
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]+):\/\//.exec(registry.path)?.[1];
  if (scheme !== undefined) {
    const message = `${place}: a registry under ${scheme}:// is not read by this version.`;
    throw new CliError('CLI_REGISTRY_NOT_SERVED', message, {
      hint: 'Copy it to a file and name that in registry.',
    });
  }
  return createFileRegistrySource({ path: registry.path, repoPath });
}
