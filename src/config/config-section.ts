import type { z } from 'zod';

/**
 * A part of `feature_store.yaml` whose schema somebody else knows (a store, a registry). It keeps the way back to the file,
 * so that a schema violation names file, line and key.
 */
export interface ConfigSection {
  /** Key path from the top of the file, for example `['online_store']`. */
  readonly path: readonly string[];
  /** The value after `${VAR}` expansion: plain YAML data. */
  readonly value: unknown;
  /**
   * Validates the section, without its `type` key when `value` is a mapping.
   * @throws ConfigError `CONFIG_INVALID`, naming file, line, key, what was wrong and what is allowed.
   */
  parse<T>(schema: z.ZodType<T>): T;
}
