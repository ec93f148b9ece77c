import { MASK_BITS } from './staged-rows.ts';
import type { ColumnForm, TypedColumn } from './typed-columns.ts';

/** Where the value of a planned column stands among the staged ones. */
export interface StagedPlace {
  readonly form: ColumnForm;
  /** Name of the column with its value, or its length. */
  readonly name: string;
  /** Of the column of bits, where the column has one: a whole number may be anything, a null too. */
  readonly mask: string;
  readonly bit: number;
  /** Of the column with the bytes of its group. */
  readonly bytes: string;
}

/** @param groups the file in which each column stands */
export function stagedPlaces(forms: readonly ColumnForm[], groups: readonly number[]): readonly StagedPlace[] {
  const ints = new Map<number, number>();
  return forms.map((form, index) => {
    const group = groups[index] ?? 0;
    const count = ints.get(group) ?? 0;
    if (form === 'int') ints.set(group, count + 1);
    return {
      form,
      name: `v${index}`,
      mask: `n${group}_${Math.floor(count / MASK_BITS)}`,
      bit: 1 << (count % MASK_BITS),
      bytes: `b${group}`,
    };
  });
}

/** What is selected of the source for each group, in the layout of `staged-rows.ts`. */
export function stagedColumns(columns: readonly TypedColumn[], groups: readonly number[]): readonly string[] {
  const places = stagedPlaces(
    columns.map((column) => column.form),
    groups,
  );
  return Array.from({ length: (groups.at(-1) ?? 0) + 1 }, (_, group) => {
    const selected: string[] = [];
    const masks = new Map<string, string[]>();
    const bytes: string[] = [];
    for (const [index, { form, name, mask, bit }] of places.entries()) {
      const sql = columns[index]?.sql ?? '';
      if (groups[index] !== group) continue;
      selected.push(`${valueSql(form, sql)} AS ${name}`);
      if (form === 'bytes') bytes.push(`coalesce(${sql}, ''::BLOB)`);
      if (form === 'int') {
        masks.set(mask, [...(masks.get(mask) ?? []), `(CASE WHEN (${sql}) IS NULL THEN ${bit} ELSE 0 END)`]);
      }
    }
    for (const [mask, terms] of masks) selected.push(`(${terms.join(' + ')})::INTEGER AS ${mask}`);
    if (bytes.length > 0) selected.push(`${bytes.join(' || ')} AS b${group}`);
    return selected.length === 0 ? '0 AS none' : selected.join(', ');
  });
}

function valueSql(form: ColumnForm, sql: string): string {
  switch (form) {
    case 'bytes':
      return `coalesce(octet_length(${sql}), -1)::INTEGER`;
    case 'bool':
      return `coalesce(${sql}, 2)::TINYINT`;
    case 'int':
      return `coalesce(${sql}, 0)::BIGINT`;
    default:
      return `coalesce(${sql}, 'nan'::DOUBLE)`;
  }
}
