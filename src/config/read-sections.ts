import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConfigFindings } from './config-findings.ts';
import {
  authTypeSchema,
  customRegistrySchema,
  entityKeyVersionSchema,
  fileRegistrySchema,
  kubernetesAuthSchema,
  noAuthSchema,
  oidcAuthSchema,
  registryTypeOfClass,
  registryTypeSchema,
  remoteRegistrySchema,
  snowflakeRegistrySchema,
  sqlRegistrySchema,
} from './feast-schema.ts';
import type { AuthConfig, OnlineStoreConfig, RegistryConfig } from './feature-store-config.ts';
import { printable } from './printable.ts';
import { looksSecret } from './secret-keys.ts';
import { sideboardSchema } from './sideboard-schema.ts';
import { type SideboardSettings, sideboardSettingsFromSchema } from './sideboard-settings.ts';
import { isMapping } from './violations.ts';
import { YamlSection } from './yaml-section.ts';
import type { YamlSource } from './yaml-source.ts';

export type Mapping = Readonly<Record<string, unknown>>;

export function own(mapping: Mapping, key: string): unknown {
  return Object.hasOwn(mapping, key) ? mapping[key] : undefined;
}

/** File and line of a key, or of its nearest parent that is there. */
function placeOf(source: YamlSource, path: readonly string[]): string {
  return `${source.file}:${source.locate(path).line}`;
}

/** `registry`: a path, or a section. */
export function readRegistry(
  data: Mapping,
  findings: ConfigFindings,
  source: YamlSource,
  repoPath: string,
): RegistryConfig | undefined {
  const path = ['registry'];
  const written = own(data, 'registry');
  if (written == null || (typeof written !== 'string' && !isMapping(written))) {
    const problem = written == null ? 'missing: expected a path or a section.' : 'expected a path or a section.';
    findings.add(path, problem, 'Feast writes the registry to the path that stands here, such as data/registry.db.');
    return undefined;
  }
  if (written === '') {
    findings.add(path, 'expected a path or a section, got "".');
    return undefined;
  }
  const mapping: Mapping = typeof written === 'string' ? { path: written } : written;
  const typeKey = Object.hasOwn(mapping, 'registry_type') || !Object.hasOwn(mapping, 'type') ? 'registry_type' : 'type';
  const type = findings.check([...path, typeKey], shortType(own(mapping, typeKey)), registryTypeSchema);
  if (type === undefined) return undefined;
  const { type: alias, ...rest } = mapping;
  if (typeKey === 'registry_type' && alias !== undefined && shortType(alias) !== type) {
    findings.add(
      [...path, 'type'],
      'names another type than registry_type does.',
      'Remove it: Feast reads registry_type.',
    );
    return undefined;
  }
  const custom = typeof rest.registry_store_type === 'string' && rest.registry_store_type.includes('.');
  const schema = {
    file: custom ? customRegistrySchema : fileRegistrySchema,
    sql: sqlRegistrySchema,
    remote: remoteRegistrySchema,
    'snowflake.registry': snowflakeRegistrySchema,
  }[type];
  const checked = findings.check(path, { ...rest, registry_type: type }, schema);
  if (checked === undefined) return undefined;
  const registry: RegistryConfig = {
    type,
    storeType: checked.registry_store_type ?? undefined,
    path: type === 'file' ? registryFilePath(checked.path, repoPath) : checked.path,
    cacheTtlSeconds: checked.cache_ttl_seconds,
    cacheMode: checked.cache_mode,
    enableOnlineFeatureViewVersioning: checked.enable_online_feature_view_versioning,
    place: placeOf(source, Object.hasOwn(mapping, typeKey) ? [...path, typeKey] : path),
    section: new YamlSection(source, path, mapping),
  };
  return printable(registry, (each) => ({ ...each, path: looksSecret(each.path) ? '[not shown]' : each.path }));
}

function shortType(written: unknown): unknown {
  return typeof written === 'string' ? (own(registryTypeOfClass, written) ?? written) : written;
}

/** An object store's URL stays as it is; everything else is a path, relative to the file's folder. */
function registryFilePath(path: string, repoPath: string): string {
  if (/^file:\/\/\//i.test(path)) return fileURLToPath(path);
  if (/^[A-Za-z][A-Za-z0-9+.-]+:\/\//.test(path) || isAbsolute(path)) return path;
  return resolve(repoPath, path);
}

/** `online_store`: the name of a store, or a section. Where the key is missing, Feast takes SQLite. */
export function readOnlineStore(
  data: Mapping,
  findings: ConfigFindings,
  source: YamlSource,
): OnlineStoreConfig | undefined {
  const path = ['online_store'];
  const written = own(data, 'online_store');
  if (written === null || (typeof written === 'string' && /^(?:none|null)$/i.test(written))) {
    const hint = 'Name the store, or remove the line for the default, SQLite at data/online.db.';
    findings.add(path, 'null switches the online store off, and there is nothing to serve without one.', hint);
    return undefined;
  }
  if (written !== undefined && typeof written !== 'string' && !isMapping(written)) {
    findings.add(path, 'expected the name of a store or a section.');
    return undefined;
  }
  const mapping: Mapping = typeof written === 'string' ? { type: written } : { type: 'sqlite', ...written };
  const type = mapping.type;
  if (typeof type !== 'string' || type.trim() === '') {
    findings.add(
      isMapping(written) ? [...path, 'type'] : path,
      'expected the name of a store, such as sqlite or redis.',
    );
    return undefined;
  }
  const place = placeOf(source, [...path, 'type']);
  return Object.freeze({ type, place, section: new YamlSection(source, path, mapping) });
}

/** `entity_key_serialization_version`. Feast warns below 3 and reads everything above as 3. */
export function readEntityKeyVersion(data: Mapping, findings: ConfigFindings): 3 | undefined {
  const path = ['entity_key_serialization_version'];
  const written = own(data, 'entity_key_serialization_version');
  if (typeof written !== 'number' || !Number.isInteger(written) || written === 3) {
    return findings.check(path, written, entityKeyVersionSchema);
  }
  const problem = `expected 3, got ${written}.`;
  const hint =
    written < 3
      ? 'Feast only warns and goes on with keys that its own tools no longer read back. Set 3 and write the rows anew; ' +
        'sideboard.entity_key_fallback: v2 finds rows under version 2 keys meanwhile.'
      : 'Feast writes version 3 keys for any higher number: set 3.';
  findings.add(path, problem, hint);
  return undefined;
}

/** `auth`: the name of a method, or a section. */
export function readAuth(data: Mapping, findings: ConfigFindings, source: YamlSource): AuthConfig | undefined {
  const path = ['auth'];
  const written = own(data, 'auth') ?? { type: 'no_auth' };
  const short = typeof written === 'string';
  if (!short && !isMapping(written)) {
    findings.add(path, 'expected no_auth, oidc, kubernetes or a section.');
    return undefined;
  }
  const mapping: Mapping = short ? { type: written } : written;
  const type = findings.check(short ? path : [...path, 'type'], own(mapping, 'type'), authTypeSchema);
  if (type === undefined) return undefined;
  const schema = { no_auth: noAuthSchema, oidc: oidcAuthSchema, kubernetes: kubernetesAuthSchema }[type];
  const checked = findings.check<object>(path, mapping, schema);
  return checked === undefined ? undefined : Object.freeze({ type, section: new YamlSection(source, path, mapping) });
}

/** `sideboard`. A section of it that is left empty counts as missing. */
export function readSideboard(data: Mapping, findings: ConfigFindings): SideboardSettings | undefined {
  const written = own(data, 'sideboard') ?? {};
  const filled = isMapping(written)
    ? Object.fromEntries(Object.entries(written).filter(([, value]) => value !== null))
    : written;
  const checked = findings.check(['sideboard'], filled, sideboardSchema);
  return checked === undefined ? undefined : sideboardSettingsFromSchema(checked);
}
