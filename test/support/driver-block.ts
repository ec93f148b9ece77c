import { serializeEntityKey } from '../../src/encoding/entity-key.ts';
import { WriteBlock } from '../../src/stores/write-block.ts';
import { driverKey, int64Bytes } from './store-rows.ts';

/** Rows of drivers as a block; every value is an int64, or null where `valueFor` gives none. */
export function driverBlock(
  features: readonly string[],
  ids: readonly number[],
  secondsOf: (id: number) => number,
  valueFor: (id: number, feature: number) => number | undefined,
): WriteBlock {
  const block = new WriteBlock(features, ids.length);
  for (const id of ids) {
    block.out.raw(serializeEntityKey(driverKey(id)));
    block.endPiece();
    for (let feature = 0; feature < features.length; feature++) {
      const value = valueFor(id, feature);
      if (value !== undefined) block.out.raw(int64Bytes(value));
      block.endPiece();
    }
    block.endRow(secondsOf(id), 0);
  }
  return block;
}

/** Whole numbers from 0 up to `count`. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

/** Rows of one time, the same for all; every value tells its time, its row and its feature. */
export function tellingBlock(features: readonly string[], ids: readonly number[], seconds: number): WriteBlock {
  return driverBlock(
    features,
    ids,
    () => seconds,
    (id, feature) => tellingNumber(seconds, id, feature),
  );
}

export function tellingNumber(seconds: number, id: number, feature: number): number {
  return (seconds % 1_000_000) * 1_000_000_000 + id * 100 + feature;
}
