import type { OnlineTable } from '../online-store.ts';
import { describeTable } from '../row-objects.ts';
import { type SearchColumns, SearchReader } from '../sql/search-columns.ts';
import { StoreError } from '../store-error.ts';
import type { WriteBlock } from '../write-block.ts';

/** Reads what stands beside the values of a table for searching. */
export class ValueSearch {
  readonly #table: Pick<OnlineTable, 'project' | 'name'>;
  readonly #reader = new SearchReader();

  constructor(table: Pick<OnlineTable, 'project' | 'name'>) {
    this.#table = table;
  }

  /**
   * @param feature name of the value's feature, and `row` the place of its row, for messages
   * @returns what is right until the next value is read
   * @throws StoreError `STORE_INVALID_ROW`
   */
  read(bytes: Uint8Array, start: number, end: number, feature: string | undefined, row: number): SearchColumns {
    try {
      return this.#reader.read(bytes, start, end);
    } catch (error) {
      throw new StoreError(
        'STORE_INVALID_ROW',
        `Feature "${feature}" in row ${row} of ${describeTable(this.#table)} is not a serialized feast.types.Value.`,
        { cause: error },
      );
    }
  }
}

/** The search columns of all values of a block, row by row, read before the thread that writes them gets it. */
export interface BlockSearch {
  readonly texts: readonly (string | null)[];
  /** NaN for none, as SQLite stores it; left out where they are not wanted. */
  readonly numbers: Float64Array | undefined;
}

/** @throws StoreError `STORE_INVALID_ROW` */
export function searchBlock(search: ValueSearch, block: WriteBlock, withNumbers: boolean): BlockSearch {
  const { bytes, features, rows } = block;
  const texts: (string | null)[] = [];
  const numbers = withNumbers ? new Float64Array(rows * features.length) : undefined;
  for (let row = 0; row < rows; row++) {
    for (let feature = 0; feature < features.length; feature++) {
      const [start, end] = [block.startOf(row, feature + 1), block.endOf(row, feature + 1)];
      const { text, number } = search.read(bytes, start, end, features[feature], row);
      if (numbers !== undefined) numbers[texts.length] = number ?? Number.NaN;
      texts.push(text);
    }
  }
  return { texts, numbers };
}
