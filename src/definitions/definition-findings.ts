import type { z } from 'zod';
import { ConfigError, type ConfigErrorCode, type ConfigViolation } from '../config/config-error.ts';
import { checkValue } from '../config/violations.ts';
import { YamlSource } from '../config/yaml-source.ts';
import {
  type DefinitionsErrorCode,
  type DefinitionsViolation,
  definitionsErrorFromViolations,
} from './definitions-error.ts';

/** Somewhere in the definitions. */
export interface Place {
  readonly source: YamlSource;
  readonly path: readonly string[];
}

/** A place below another one. */
export function below({ source, path }: Place, ...segments: readonly (string | number)[]): Place {
  return { source, path: [...path, ...segments.map(String)] };
}

/** A place as messages name it: `definitions.yaml:12`. */
export function nameOfPlace({ source, path }: Place): string {
  return `${source.file}:${source.locate(path).line}`;
}

/** Gathers what is wrong with a project's definitions, in all their files, so that one error can tell all of it. */
export class DefinitionFindings {
  readonly #violations: DefinitionsViolation[] = [];

  get count(): number {
    return this.#violations.length;
  }

  /** A parsed file, or nothing, with what the parser objects to noted. */
  parse(file: string, text: string, env: NodeJS.ProcessEnv): YamlSource | undefined {
    try {
      return YamlSource.parse(file, text, env);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const violation of error.violations) this.#take(file, violation);
      if (error.violations.length === 0) {
        const problem = error.message.slice(file.length + 2);
        this.#violations.push({ code: codeOf(error.code), file, line: 1, column: 1, key: '', problem });
      }
      return undefined;
    }
  }

  /** The validated value, or nothing, with the violations noted. Nothing in definitions is a secret. */
  check<T>({ source, path }: Place, value: unknown, schema: z.ZodType<T>): T | undefined {
    const checked = checkValue(source, path, value, schema, { isSecret: () => false });
    if (checked.ok) return checked.value;
    for (const violation of checked.violations) this.#take(source.file, violation);
    return undefined;
  }

  /** Notes every variable without a value; whether there are any. */
  requireVariables(source: YamlSource): boolean {
    const missing = source.unresolvedVariables([]);
    for (const violation of missing) this.#take(source.file, violation);
    return missing.length > 0;
  }

  add(code: DefinitionsErrorCode, { source, path }: Place, problem: string, hint?: string): void {
    const { line, column, key } = source.locate(path);
    const more = hint === undefined ? {} : { hint };
    this.#violations.push({ code, file: source.file, line, column, key, problem, ...more });
  }

  /** @throws DefinitionsError if anything was noted. */
  throwIfAny(): void {
    if (this.#violations.length > 0) throw definitionsErrorFromViolations(this.#violations);
  }

  #take(file: string, { code, ...rest }: ConfigViolation): void {
    this.#violations.push({ code: codeOf(code), file, ...rest });
  }
}

function codeOf(code: ConfigErrorCode): DefinitionsErrorCode {
  switch (code) {
    case 'CONFIG_SYNTAX':
      return 'DEFINITIONS_SYNTAX';
    case 'CONFIG_ENV_MISSING':
      return 'DEFINITIONS_ENV_MISSING';
    default:
      return 'DEFINITIONS_INVALID';
  }
}
