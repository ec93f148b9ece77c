import type { z } from 'zod';
import type { ConfigSection } from '../config/config-section.ts';
import type { OnlineStore, StoreContext } from './online-store.ts';
import { ResolutionError } from './resolution-error.ts';
import { type BuiltInStore, builtInStores, findBuiltInStore, isKnownToFeastOnly } from './store-types.ts';
import { guardUserStore } from './user-store-guard.ts';
import { loadUserModule } from './user-store-module.ts';
import { validateStore } from './validate-store.ts';

export interface ResolveOnlineStoreOptions {
  /** `online_store.type`, or `online_store` itself where it is a word. */
  readonly type: string;
  /** `online_store:`; its value may be the type alone. */
  readonly section: ConfigSection;
  /** `sideboard.<name>:` of a built-in store, see `storeSettingsKey`. */
  readonly settings?: ConfigSection | undefined;
  readonly context: StoreContext;
}

/** What a store's module exports, as far as resolution has to know. */
interface StoreExports {
  readonly Store: StoreClass;
  readonly Config: z.ZodType;
  readonly Settings: z.ZodType | undefined;
}

interface StoreClass {
  new (config: unknown, context: StoreContext, settings?: unknown): OnlineStore;
  /** Set to true by a store that is not ready for production: the operator is told so. */
  readonly alpha?: unknown;
}

const SUFFIX = 'OnlineStore';

/**
 * Makes the store that `type` means. It is looked for as a short name (`sqlite`, `redis`), as the path of Feast's own class,
 * and as `<module>.<ClassName>` of the user's. The class is given its validated config and the context; it connects to
 * nothing yet.
 *
 * @throws ResolutionError naming the rule that `type` or the class broke
 * @throws ConfigError when the config does not fit the store's schema
 */
export async function resolveOnlineStore(options: ResolveOnlineStoreOptions): Promise<OnlineStore> {
  const { type, section, settings, context } = options;
  const { Store, Config, Settings } = await loadStore(type, context);
  const config = parseConfig(section, Config);
  const parsedSettings = Settings === undefined ? [] : [settings?.parse(Settings) ?? Settings.parse({})];
  if (Store.alpha === true) {
    context.warn(`online_store type "${type}" calls itself alpha: it may lack features and change without notice.`);
  }
  const store = construct(() => new Store(config, context, ...parsedSettings), type);
  validateStore(store, type);
  return findBuiltInStore(type) === undefined ? guardUserStore(store, type, context.retries) : store;
}

async function loadStore(type: string, context: StoreContext): Promise<StoreExports> {
  const builtIn = findBuiltInStore(type);
  if (builtIn !== undefined) return exportsOf(await builtIn.load(), builtIn.className, type);
  if (isKnownToFeastOnly(type)) {
    throw new ResolutionError('STORE_TYPE_NOT_SERVED', `online_store type "${type}" is not served by this version.`, {
      hint: `Served are ${servedNames()}, and stores of your own as <module>.<ClassName>.`,
    });
  }
  const { modulePath, className } = splitType(type);
  return exportsOf(await loadUserModule(modulePath, context.repoPath, type), className, type);
}

function splitType(type: string): { modulePath: string; className: string } {
  const segments = type.split('.');
  const className = segments.pop() ?? '';
  if (
    segments.length === 0 ||
    segments.some((segment) => !/^[@\w][\w@/-]*$/.test(segment)) ||
    !/^\w+$/.test(className)
  ) {
    throw new ResolutionError('STORE_TYPE_INVALID', `online_store type "${type}" is not known.`, {
      hint: `Use ${servedNames()}, or <module>.<ClassName> of a store of your own.`,
    });
  }
  if (!className.endsWith(SUFFIX)) {
    throw new ResolutionError(
      'STORE_CLASS_MISNAMED',
      `online_store type "${type}": the class name "${className}" does not end in ${SUFFIX}.`,
      { hint: `Name the class ${className}${SUFFIX} and its schema ${className}${SUFFIX}Config.` },
    );
  }
  return { modulePath: segments.join('.'), className };
}

function exportsOf(module: unknown, className: string, type: string): StoreExports {
  const exported = module as Readonly<Record<string, unknown>>;
  const Store = exported[className];
  if (typeof Store !== 'function') {
    throw new ResolutionError(
      'STORE_CLASS_MISSING',
      `online_store type "${type}": its module exports no class ${className}.`,
      {
        hint: `Add "export class ${className}". It exports: ${Object.keys(exported).join(', ') || 'nothing'}.`,
      },
    );
  }
  const Config = exported[`${className}Config`];
  if (!isSchema(Config)) {
    throw new ResolutionError(
      'STORE_CONFIG_MISSING',
      `online_store type "${type}": its module exports no zod schema ${className}Config.`,
      {
        hint: canParse(Config)
          ? 'The one that it exports was not made with zod 4: install that, or import z from "zod/v4".'
          : `Add "export const ${className}Config = z.strictObject({ ... })", empty if there is nothing to configure.`,
      },
    );
  }
  const Settings = exported[`${className}Settings`];
  return { Store: Store as unknown as StoreClass, Config, Settings: isSchema(Settings) ? Settings : undefined };
}

/** A user's module may bring its own copy of zod, so its schemas are known by what they have; `_zod` came with zod 4. */
function isSchema(value: unknown): value is z.ZodType {
  return canParse(value) && '_zod' in value;
}

/** Something that can parse, which zod 3 has as well; messages about settings need to look inside. */
function canParse(value: unknown): value is object {
  return typeof value === 'object' && value !== null && 'safeParse' in value && typeof value.safeParse === 'function';
}

/** The short form `online_store: <type>` configures nothing. */
function parseConfig(section: ConfigSection, schema: z.ZodType): unknown {
  if (typeof section.value !== 'string') return section.parse(schema);
  const { success, data } = schema.safeParse({});
  // Where the store needs more than defaults, the section's own error says what.
  return success ? data : section.parse(schema);
}

function construct(create: () => OnlineStore, type: string): OnlineStore {
  try {
    return create();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ResolutionError('STORE_CLASS_FAILED', `online_store type "${type}": its constructor failed: ${reason}`, {
      cause: error,
    });
  }
}

function servedNames(): string {
  return builtInStores.map((store: BuiltInStore) => store.name).join(', ');
}
