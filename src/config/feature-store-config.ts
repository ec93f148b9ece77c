import { dirname, resolve } from 'node:path';
import { ConfigFindings } from './config-findings.ts';
import type { ConfigSection } from './config-section.ts';
import { type AuthType, projectSchema, providerSchema, type RegistryType } from './feast-schema.ts';
import { printable } from './printable.ts';
import { own, readAuth, readEntityKeyVersion, readOnlineStore, readRegistry, readSideboard } from './read-sections.ts';
import type { SideboardSettings } from './sideboard-settings.ts';
import { isMapping } from './violations.ts';
import { YamlSection } from './yaml-section.ts';
import { YamlSource } from './yaml-source.ts';

/**
 * `feature_store.yaml`, read as Feast 0.67 reads it, with the settings under `sideboard:`. Frozen. It prints, and turns into
 * JSON, without what may be secret.
 */
export interface FeatureStoreConfig {
  /** Absolute path of the file. */
  readonly file: string;
  /** Absolute path of the file's folder: what relative paths in the file start from. */
  readonly repoPath: string;
  readonly project: string;
  readonly provider: string;
  readonly registry: RegistryConfig;
  readonly onlineStore: OnlineStoreConfig;
  readonly entityKeySerializationVersion: 3;
  readonly auth: AuthConfig;
  /** Kept as they stand. */
  readonly offlineStore: ConfigSection;
  readonly featureServer: ConfigSection;
  readonly flags: ConfigSection;
  readonly sideboard: SideboardSettings;
  /** Any part of the file, such as `['sideboard', 'redis']`. A part that is not there has the value `undefined`. */
  section(path: readonly string[]): ConfigSection;
}

export interface RegistryConfig {
  readonly type: RegistryType;
  /** Feast's class for a registry file in an unusual place, where the section names one. */
  readonly storeType: string | undefined;
  /** `file`: an absolute path, or a URL such as `s3://…`. `sql`: a database URL. `remote`: an address. May hold a password. */
  readonly path: string;
  /** How long a registry that was read counts as fresh, in seconds; 0 means for ever. */
  readonly cacheTtlSeconds: number;
  readonly cacheMode: 'sync' | 'thread';
  readonly enableOnlineFeatureViewVersioning: boolean;
  /** Where the file says so, for messages: `feature_store.yaml:3`. */
  readonly place: string;
  readonly section: ConfigSection;
}

export interface OnlineStoreConfig {
  /** As the file names it: a short name, a class path of Feast, or `<module>.<ClassName>`. */
  readonly type: string;
  /** Where the file says so, for messages: `feature_store.yaml:5`. */
  readonly place: string;
  readonly section: ConfigSection;
}

export interface AuthConfig {
  readonly type: AuthType;
  readonly section: ConfigSection;
}

export interface ConfigTextOptions {
  /** Path of the file that the text came from; relative paths in the text start from its folder. */
  readonly file: string;
  /** What errors call the file. Default: `file`. */
  readonly shownAs?: string;
  /** Default: `process.env`. */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * The configuration that `text`, the content of a `feature_store.yaml`, holds.
 * @throws ConfigError `CONFIG_SYNTAX`, `CONFIG_INVALID` or `CONFIG_ENV_MISSING`, telling all that is wrong.
 */
export function featureStoreConfigFromText(text: string, options: ConfigTextOptions): FeatureStoreConfig {
  const source = YamlSource.parse(options.shownAs ?? options.file, text, options.env ?? process.env);
  const file = resolve(options.file);
  const findings = new ConfigFindings(source);
  if (!isMapping(source.data)) {
    findings.add(
      [],
      source.data == null ? 'the file is empty.' : 'expected a mapping of settings.',
      'It needs at least project and registry.',
    );
  }
  findings.throwIfAny();
  const data = isMapping(source.data) ? source.data : {};
  for (const key of [
    'project',
    'provider',
    'registry',
    'online_store',
    'entity_key_serialization_version',
    'sideboard',
  ]) {
    findings.requireVariables([key]);
  }
  const section = (path: readonly string[]): ConfigSection => new YamlSection(source, path, valueAt(data, path));

  const project = findings.check(['project'], own(data, 'project'), projectSchema);
  const provider = findings.check(['provider'], own(data, 'provider'), providerSchema);
  const registry = readRegistry(data, findings, source, dirname(file));
  const onlineStore = readOnlineStore(data, findings, source);
  const entityKeyVersion = readEntityKeyVersion(data, findings);
  const auth = readAuth(data, findings, source);
  const sideboard = readSideboard(data, findings);
  if (project?.includes('-') && onlineStore?.type === 'sqlite') {
    findings.add(
      ['project'],
      'a project on a SQLite online store cannot have hyphens in its name.',
      'Use underscores.',
    );
  }
  findings.throwIfAny();
  if (
    project === undefined ||
    provider === undefined ||
    registry === undefined ||
    onlineStore === undefined ||
    entityKeyVersion === undefined ||
    auth === undefined ||
    sideboard === undefined
  ) {
    throw new TypeError('a setting was refused without a violation');
  }
  const config: FeatureStoreConfig = {
    file,
    repoPath: dirname(file),
    project,
    provider,
    registry,
    onlineStore,
    entityKeySerializationVersion: entityKeyVersion,
    auth,
    offlineStore: section(['offline_store']),
    featureServer: section(['feature_server']),
    flags: section(['flags']),
    sideboard,
    section,
  };
  return printable(config, ({ section: _, ...shown }) => shown);
}

function valueAt(data: unknown, path: readonly string[]): unknown {
  let value = data;
  for (const key of path) value = isMapping(value) ? own(value, key) : undefined;
  return value;
}
