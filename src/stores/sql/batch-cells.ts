import type { OnlineRow } from '../online-store.ts';
import { asBuffer } from '../row-objects.ts';
import { replaces } from './write-order.ts';

/** A value of one feature of one entity that a batch stores. */
export interface BatchCell {
  readonly feature: string;
  readonly value: Uint8Array;
  /** Its row in the batch. */
  readonly row: number;
}

/** The values of one entity, in the order of their names. */
export interface BatchEntity {
  readonly key: Uint8Array;
  readonly cells: readonly BatchCell[];
}

/**
 * What a batch stores: of several values of an entity's feature the last one, or the newest one where only these are wanted. One
 * statement takes each just once. In the order of keys and names: writers that lock rows in the same order do not wait for each
 * other in a circle.
 * @param keys the serialized entity keys of `rows`
 */
export function batchEntities(
  rows: readonly OnlineRow[],
  keys: readonly Uint8Array[],
  newestOnly: boolean,
): readonly BatchEntity[] {
  const entities = new Map<string, { readonly key: Uint8Array; readonly cells: Map<string, BatchCell> }>();
  for (const [row, { values }] of rows.entries()) {
    const key = keys[row] ?? new Uint8Array();
    const id = asBuffer(key).toString('latin1');
    const entity = entities.get(id) ?? { key, cells: new Map<string, BatchCell>() };
    entities.set(id, entity);
    for (const [feature, value] of values) {
      const known = entity.cells.get(feature);
      if (newestOnly && known !== undefined && !replaces(rows[row] as OnlineRow, rows[known.row] as OnlineRow))
        continue;
      entity.cells.set(feature, { feature, value, row });
    }
  }
  const inOrder = [...entities].sort(([a], [b]) => (a < b ? -1 : 1));
  return inOrder.map(([, { key, cells }]) => ({
    key,
    cells: [...cells.values()].sort((a, b) => (a.feature < b.feature ? -1 : 1)),
  }));
}
