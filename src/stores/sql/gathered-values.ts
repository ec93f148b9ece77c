import { CELL, CELL_CHUNK, CELL_END, CELL_START, type RowBlock } from '../row-block.ts';

/** Sets of features that the entities of a table have; few, unless every entity has its own. */
const MAX_LAYOUTS = 32;
const COMMA = 0x2c;
const ZERO = 0x30;

interface Layout {
  readonly names: string;
  /** How many features are stored. */
  readonly count: number;
  /** Per requested feature, its place among the stored ones; -1 where it is not stored. */
  readonly places: Int32Array;
}

/**
 * Takes what a database has gathered into one result row: the names of an entity's stored features, the lengths of their
 * values, and the values one behind the other. A result row, an array and a Buffer per value would cost several times what
 * the look-up costs.
 */
export class GatheredValues {
  readonly #features: readonly string[];
  readonly #nameEnd: string;
  /** Per list of stored names, where in it each requested feature stands. */
  readonly #layouts = new Map<string, Layout>();
  #layout: Layout | undefined;
  /** Where each value ends. */
  #ends = new Int32Array(64);

  /**
   * @param features requested features, one per column of the blocks
   * @param nameEnd what stands between the names
   */
  constructor(features: readonly string[], nameEnd: string) {
    this.#features = features;
    this.#nameEnd = nameEnd;
  }

  /**
   * Points the cells of a row at gathered values.
   * @param lengths decimal numbers with commas between, in the order of the names
   * @param expected how many there should be, where the database said so
   * @returns false, and nothing is placed, when names, lengths and bytes do not agree
   */
  place(block: RowBlock, row: number, names: string, lengths: string, bytes: Uint8Array, expected?: number): boolean {
    const layout = this.#layoutOf(names);
    const count = this.#readEnds(lengths, bytes.length);
    if (count !== layout.count || count !== (expected ?? count)) return false;
    const { places } = layout;
    const ends = this.#ends;
    const { cells, features } = block;
    const chunk = block.chunkOf(bytes);
    for (let feature = 0, cell = row * features * CELL; feature < features; feature++, cell += CELL) {
      const place = places[feature] as number;
      if (place < 0) continue;
      cells[cell + CELL_CHUNK] = chunk;
      cells[cell + CELL_START] = ends[place] as number;
      cells[cell + CELL_END] = ends[place + 1] as number;
    }
    return true;
  }

  #layoutOf(names: string): Layout {
    if (this.#layout?.names === names) return this.#layout;
    let layout = this.#layouts.get(names);
    if (layout === undefined) {
      const stored = names.split(this.#nameEnd);
      const placeOf = new Map(stored.map((name, place) => [name, place]));
      const places = Int32Array.from(this.#features, (feature) => placeOf.get(feature) ?? -1);
      layout = { names, count: stored.length, places };
      if (this.#layouts.size >= MAX_LAYOUTS) this.#layouts.clear();
      this.#layouts.set(names, layout);
    }
    this.#layout = layout;
    return layout;
  }

  /**
   * Adds up lengths like `6,0,140`: value n then stands between ends n and n + 1. Returns how many there are, and -1 where they are no
   * such lengths or add up to something else than `total`.
   */
  #readEnds(lengths: string, total: number): number {
    let count = 0;
    let sum = 0;
    let length = 0;
    let start = 0;
    for (let pos = 0; pos <= lengths.length; pos++) {
      const code = pos === lengths.length ? COMMA : lengths.charCodeAt(pos);
      if (code !== COMMA) {
        const digit = code - ZERO;
        if (digit < 0 || digit > 9) return -1;
        length = length * 10 + digit;
        continue;
      }
      sum += length;
      // Values that are all NULL have no length.
      if (pos === start || sum > total) return -1;
      start = pos + 1;
      length = 0;
      if (++count >= this.#ends.length) this.#grow();
      this.#ends[count] = sum;
    }
    return sum === total ? count : -1;
  }

  #grow(): void {
    const ends = new Int32Array(this.#ends.length * 2);
    ends.set(this.#ends);
    this.#ends = ends;
  }
}
