import { readGoldenLines } from '../../support/golden.ts';

export type ReplayStore = 'redis' | 'sqlite';

/** A line of `test/golden/replay/<store>.jsonl`: bytes in base64. */
export interface ReplayLine {
  readonly name: string;
  /** A serialized `feast.serving.GetOnlineFeaturesRequest`. */
  readonly request: string;
  /** The `GetOnlineFeaturesResponse` that it got. */
  readonly answer: string;
}

export function readReplay(store: ReplayStore): readonly ReplayLine[] {
  return readGoldenLines<ReplayLine>('replay', `${store}.jsonl`);
}
