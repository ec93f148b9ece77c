import type { FieldChange } from '../registry/writing/field-changes.ts';
import type { PlannedAction, PlannedChange } from '../registry/writing/registry-plan.ts';
import type { Io } from './io.ts';
import type { StorePlan } from './store-plan.ts';
import { printableText } from './text-table.ts';

/** What happens to a table, or to the rows of a view, in the online store. */
export interface PlannedTable {
  readonly action: 'create' | 'delete' | 'leave';
  readonly name: string;
}

export interface ShownPlan {
  readonly project: string;
  /** What the registry is called, where it is written. */
  readonly registry?: string;
  /** Type of the online store. */
  readonly store: string;
  readonly changes: readonly PlannedChange[];
  readonly tables: readonly PlannedTable[];
  readonly notes: readonly string[];
}

const signs: Readonly<Record<PlannedAction, string>> = { create: '+', change: '~', delete: '-' };
const colours: Readonly<Record<PlannedAction, number>> = { create: 32, change: 33, delete: 31 };

/** Texts of one line; longer ones are cut. */
const maxValueLength = 200;

/** A plan as a person reads it, in the manner of `terraform plan`: in colours on a terminal that has not declined them. */
export function planText(plan: ShownPlan, { stdoutIsTerminal, env }: Pick<Io, 'stdoutIsTerminal' | 'env'>): string {
  const coloured = stdoutIsTerminal && (env.NO_COLOR ?? '') === '';
  const marked = (action: PlannedAction, text: string): string => {
    const line = `${signs[action]} ${text}`;
    return coloured ? `\u001b[${colours[action]}m${line}\u001b[0m` : line;
  };
  const lines: string[] = [];
  if (plan.changes.length > 0) {
    lines.push(`Project ${plan.project} in the ${plan.registry ?? 'registry'}:`, '');
    for (const change of plan.changes) {
      lines.push(`  ${marked(change.action, `${change.kind} ${printableText(change.name)}${versionText(change)}`)}`);
      for (const field of change.fields) lines.push(`      ${fieldText(field)}`);
    }
    lines.push('');
  }
  const tables = plan.tables.filter(({ action }) => action !== 'leave');
  if (tables.length > 0) {
    lines.push(`In the online store (${plan.store}):`, '');
    for (const { action, name } of tables) {
      lines.push(`  ${action === 'create' ? marked('create', `table ${name}`) : marked('delete', `rows of ${name}`)}`);
    }
    lines.push('');
  }
  if (lines.length === 0) return 'Nothing to change: registry and online store are what the definitions say.';
  return `${lines.join('\n')}\nPlan: ${countsText(plan)}.`;
}

/** `3 to create, 1 to change, 2 to delete`, of the registry's objects; tables are counted behind them. */
function countsText({ changes, tables }: ShownPlan): string {
  const { create, change, delete: deleted } = planCounts({ changes });
  const text = `${create} to create, ${change} to change, ${deleted} to delete`;
  const [made, removed] = (['create', 'delete'] as const).map(
    (action) => tables.filter((table) => table.action === action).length,
  );
  return made === 0 && removed === 0 ? text : `${text}; in the online store ${made} to create, ${removed} to delete`;
}

export function planCounts({ changes }: Pick<ShownPlan, 'changes'>): Readonly<Record<PlannedAction, number>> {
  const count = (action: PlannedAction): number => changes.filter((change) => change.action === action).length;
  return { create: count('create'), change: count('change'), delete: count('delete') };
}

/** Whether there is anything to do. */
export function isEmptyPlan({ changes, tables }: ShownPlan): boolean {
  return changes.length === 0 && tables.every(({ action }) => action === 'leave');
}

function versionText({ version }: PlannedChange): string {
  return version === undefined ? '' : ` (version ${version})`;
}

function fieldText({ field, from, to }: FieldChange): string {
  return `${printableText(field)}: ${valueText(from)} -> ${valueText(to)}`;
}

function valueText(value: string | undefined): string {
  if (value === undefined) return '(none)';
  const text = printableText(value);
  return text.length <= maxValueLength ? text : `${text.slice(0, maxValueLength - 1)}…`;
}

/** What is made and removed in the store; a store that does not list its tables is not told to make any. */
export function plannedTables({ wanted, leftOver, present }: StorePlan): readonly PlannedTable[] {
  const missing = present === undefined ? [] : wanted.filter(({ name }) => !present.has(name));
  return [
    ...missing.map(({ name }): PlannedTable => ({ action: 'create', name })),
    ...leftOver.map(({ name }): PlannedTable => ({ action: 'delete', name })),
  ];
}

/** The table without consent to remove it. */
export function leftAlone(table: PlannedTable): PlannedTable {
  return table.action === 'delete' ? { ...table, action: 'leave' } : table;
}

/** @param applied false for a plan that was only made */
export function planJson(plan: ShownPlan, applied: boolean): string {
  return JSON.stringify({ applied, ...plan, counts: planCounts(plan) }, null, 2);
}
