import type { ExactJson } from '../../encoding/value-json.ts';
import type { FeatureViewSpec, RegistrySnapshot } from '../../registry/registry-snapshot.ts';
import type { OnlineRow, OnlineTable } from '../../stores/online-store.ts';
import { IngestError } from '../ingest-error.ts';
import { recordFromJsonLine } from '../json-lines.ts';
import { createRowTyper, type RowTyper, type RowTypingOptions } from '../row-from-record.ts';
import { type RawLine, textOfLine } from '../text-lines.ts';
import { writableView } from '../writable-view.ts';

export interface LineTyperOptions {
  readonly registry: RegistrySnapshot;
  readonly tableOf: (view: FeatureViewSpec) => OnlineTable;
  /** The view that all lines belong to, or the member that names it in each. */
  readonly view: { readonly name: string } | { readonly field: string };
  readonly typing: Omit<RowTypingOptions, 'onExtraColumns'>;
  /** Members that are repeated when a line is acknowledged, and are not columns. */
  readonly ackFields: readonly string[];
  /** Told once for each view of columns that it does not have. */
  readonly onExtraColumns: (view: string, names: readonly string[]) => void;
}

/** What a line is. */
export interface TypedLine {
  readonly line: number;
  /** Name of its view, where it is known. */
  readonly view: string | undefined;
  /** Values of the members that are to be repeated; a member that the line does not have is null. */
  readonly acks: readonly ExactJson[];
  /** The row, or what is wrong; neither for a line that is empty. */
  readonly row?: { readonly table: OnlineTable; readonly row: OnlineRow };
  readonly error?: IngestError;
}

interface Target {
  readonly table: OnlineTable;
  readonly typeRow: RowTyper;
}

/**
 * @returns a function that types one line, whatever is wrong with it
 * @throws IngestError where the one view of all lines takes no rows
 */
export function createLineTyper(options: LineTyperOptions): (raw: RawLine) => TypedLine {
  const { registry, view: named, ackFields } = options;
  const targets = new Map<string, Target>();
  const targetOf = (name: string): Target => {
    const known = targets.get(name);
    if (known !== undefined) return known;
    const view = writableView(registry, name);
    const target = { table: options.tableOf(view), typeRow: typerOf(view, options) };
    targets.set(name, target);
    return target;
  };
  if ('name' in named) targetOf(named.name);

  return (raw) => {
    const { line } = raw;
    let view = 'name' in named ? named.name : undefined;
    let acks: readonly ExactJson[] = ackFields.map(() => null);
    try {
      const text = textOfLine(raw);
      if (text.trim() === '') return { line, view, acks };
      const record = recordFromJsonLine(text, line);
      acks = ackFields.map((field) => record.fields.get(field) ?? null);
      if ('field' in named) view = viewIn(record.fields.get(named.field), named.field, line);
      const { table, typeRow } = targetOf(view ?? '');
      return { line, view, acks, row: { table, row: typeRow(record) } };
    } catch (error) {
      if (!(error instanceof IngestError)) throw error;
      return { line, view, acks, error };
    }
  };
}

function typerOf(
  view: FeatureViewSpec,
  { typing, ackFields, view: named, onExtraColumns }: LineTyperOptions,
): RowTyper {
  const expected = new Set([...ackFields, ...('field' in named ? [named.field] : [])]);
  return createRowTyper(view, {
    ...typing,
    onExtraColumns(names) {
      const others = names.filter((name) => !expected.has(name));
      if (others.length > 0) onExtraColumns(view.name, others);
    },
  });
}

function viewIn(value: ExactJson | undefined, field: string, line: number): string {
  if (typeof value === 'string') return value;
  throw new IngestError('INGEST_MISSING_COLUMN', `Line ${line} does not name its view in "${field}".`, {
    hint: 'Say there which feature view the row belongs to.',
  });
}
