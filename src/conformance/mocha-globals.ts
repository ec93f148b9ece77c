/** The slice of mocha that the suite uses. Its globals are taken as they are: the package does not depend on mocha. */
export interface MochaGlobals {
  readonly describe: (title: string, body: (this: MochaContext) => void) => void;
  readonly it: (title: string, body: (this: MochaContext) => Promise<void> | void) => void;
  readonly beforeEach: (body: (this: MochaContext) => Promise<void> | void) => void;
  readonly afterEach: (body: (this: MochaContext) => Promise<void> | void) => void;
}

export interface MochaContext {
  timeout(milliseconds: number): unknown;
}

const NAMES = ['describe', 'it', 'beforeEach', 'afterEach'] as const;

/** @throws TypeError outside a mocha test file */
export function mochaGlobals(): MochaGlobals {
  const globals = globalThis as unknown as MochaGlobals;
  const missing = NAMES.find((name) => typeof globals[name] !== 'function');
  if (missing === undefined) return globals;
  throw new TypeError(`There is no ${missing}(): call testOnlineStore in a test file that mocha runs.`);
}
