import { SideboardError } from '../../src/errors.ts';

/** A parser under test: one `<parser>.fuzz.ts` each, and one folder of inputs in `corpus/`. */
export interface FuzzTarget {
  /** Of the parser, and of its folder in `corpus/`. */
  readonly name: string;
  /** How inputs are built, for mutations that keep most of an input meaningful. */
  readonly form: 'protobuf' | 'binary' | 'text' | 'json';
  /** Valid inputs. `npm run fuzz -- --seeds` writes them into the corpus, which is what runs read. */
  readonly seeds: () => readonly Uint8Array[];
  /** Words and byte sequences that mean something to the parser. */
  readonly tokens?: readonly (string | Uint8Array)[];
  /** Parses an input. Throws, but for what it expects, where a property does not hold. Never keeps the input. */
  readonly check: (input: Buffer) => void | Promise<void>;
}

/**
 * What a parser makes of an input: its value, or nothing where it refused the input by one of the codes that it has for that. Any
 * other error passes.
 */
export function valueOrRefusal<T>(codes: readonly string[], parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (isRefusal(error, codes)) return undefined;
    throw error;
  }
}

/** {@link valueOrRefusal} for a parser that takes its time. */
export async function settledOrRefusal<T>(codes: readonly string[], parse: () => Promise<T>): Promise<T | undefined> {
  try {
    return await parse();
  } catch (error) {
    if (isRefusal(error, codes)) return undefined;
    throw error;
  }
}

function isRefusal(error: unknown, codes: readonly string[]): boolean {
  return error instanceof SideboardError && codes.includes(error.code);
}
