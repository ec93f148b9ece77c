import type { FieldChange } from './field-changes.ts';

export type PlannedAction = 'create' | 'change' | 'delete';

/** The kinds of objects that definitions know, in the order in which a plan lists them. */
export const plannedKinds = ['project', 'entity', 'data source', 'feature view', 'feature service'] as const;

export type PlannedKind = (typeof plannedKinds)[number];

export interface PlannedChange {
  readonly action: PlannedAction;
  readonly kind: PlannedKind;
  readonly name: string;
  /** What differs, for an object that is changed. */
  readonly fields: readonly FieldChange[];
  /** The version that the change of a view makes, or that it is set to. */
  readonly version?: number;
}

/** What is to happen to a registry. */
export interface RegistryPlan {
  readonly project: string;
  readonly changes: readonly PlannedChange[];
  /** What is left alone although the definitions do not name it, and why. */
  readonly notes: readonly string[];
  /** The registry as it is to be written; `undefined` where nothing changes. */
  readonly bytes: Uint8Array | undefined;
}

/** Whether two plans do the same, whatever the time. */
export function isSamePlan(left: RegistryPlan, right: RegistryPlan): boolean {
  return JSON.stringify([left.changes, left.notes]) === JSON.stringify([right.changes, right.notes]);
}
