import type { SeededRandom } from '../../support/seeded-random.ts';
import type { Form, RowReport } from './figures.ts';

/** One row of the programme: a fault, and what has to hold under it. */
export interface FaultRow {
  /** `R1` to `R24` */
  readonly id: string;
  readonly title: string;
  /** What is injected, in words for the report. */
  readonly injected: string;
  /** How long the short form may take, servers and all; 60 s unless it says otherwise. */
  readonly shortLimitMs?: number;
  /** Why there is no short form: what it asks cannot be seen within seconds. */
  readonly onlyLong?: string;
  /** Changes of the product by which the row is shown to be able to fail; at least one. */
  readonly mutations: readonly Mutation[];
  /**
   * Injects and judges. Whatever it starts it hands to `context.cleanUp`.
   * @throws Error where it could not be carried out; that counts as a failure
   */
  run(context: RowContext, form: Form): Promise<RowReport>;
}

/** One exact replacement in the compiled product. */
export interface Mutation {
  readonly name: string;
  /** Below the compiled product's folder: `src/stores/redis/redis-lane.js`. */
  readonly file: string;
  /** Text that stands exactly once in that file. */
  readonly find: string;
  readonly replace: string;
  /** Part of the name of a figure that has to fail; by default any. */
  readonly fails?: string;
  /** The form that shows it; short by default. */
  readonly form?: Form;
}

export interface RowContext {
  readonly seed: number;
  readonly random: SeededRandom;
  /** The compiled product, or a changed copy of it. */
  readonly program: ProductProgram;
  /** An empty folder, removed behind the row. */
  readonly folder: string;
  readonly options: RowOptions;
  /** Progress, for whoever watches a long run. */
  say(text: string): void;
  /** What ends something that the row started; called in reverse order, whatever happens. */
  cleanUp(end: () => unknown): void;
  /** Ends the row as one that this machine cannot run. @throws RowSkipped */
  skip(reason: string): never;
}

export interface RowOptions {
  /** How long R18 runs. */
  readonly soakMinutes: number;
}

export interface ProductProgram {
  /** `main.js` of the command line. */
  readonly main: string;
}

/** Thrown by `context.skip`. */
export class RowSkipped extends Error {}
