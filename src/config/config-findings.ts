import type { z } from 'zod';
import { type ConfigViolation, configErrorFromViolations } from './config-error.ts';
import { checkValue } from './violations.ts';
import type { YamlSource } from './yaml-source.ts';

/** Gathers what is wrong with a file, so that one error can tell all of it. */
export class ConfigFindings {
  readonly #source: YamlSource;
  readonly #violations: ConfigViolation[] = [];

  constructor(source: YamlSource) {
    this.#source = source;
  }

  /** The validated value, or nothing, with the violations noted. */
  check<T>(path: readonly string[], value: unknown, schema: z.ZodType<T>): T | undefined {
    const checked = checkValue(this.#source, path, value, schema);
    if (checked.ok) return checked.value;
    for (const violation of checked.violations) this.#note(violation);
    return undefined;
  }

  /** Notes every variable without a value under `path`. Comes before `check`, whose violations there would say nothing new. */
  requireVariables(path: readonly string[]): void {
    for (const violation of this.#source.unresolvedVariables(path)) this.#note(violation);
  }

  add(path: readonly string[], problem: string, hint?: string): void {
    const { line, column, key } = this.#source.locate(path);
    this.#note({ code: 'CONFIG_INVALID', line, column, key, problem, ...(hint === undefined ? {} : { hint }) });
  }

  /** @throws ConfigError if anything was noted. */
  throwIfAny(): void {
    if (this.#violations.length > 0) throw configErrorFromViolations(this.#source.file, this.#violations);
  }

  #note(violation: ConfigViolation): void {
    const known = this.#violations.some(({ code, key }) => key === violation.key && code === 'CONFIG_ENV_MISSING');
    if (!known || violation.code === 'CONFIG_ENV_MISSING') this.#violations.push(violation);
  }
}
