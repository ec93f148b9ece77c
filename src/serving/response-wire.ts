import { utf8Size, varintSize, writeUtf8, writeVarint } from '../encoding/wire.ts';

/** Tags of `feast.serving.GetOnlineFeaturesResponse` and its parts: field number << 3 | wire type. */
export const Tag = {
  metadata: 0x0a,
  results: 0x12,
  /** Of `FeatureVector`. */
  values: 0x0a,
  statuses: 0x12,
  eventTimestamps: 0x1a,
  /** Of `GetOnlineFeaturesResponseMetadata`. */
  featureNames: 0x0a,
  featureViewMetadata: 0x12,
  /** Of `FeatureList`. */
  listVal: 0x0a,
  /** Of `FeatureViewMetadata`. */
  viewName: 0x0a,
  viewVersion: 0x10,
} as const;

/** Size of a length-delimited field whose tag takes one byte. */
export function fieldSize(payload: number): number {
  return 1 + varintSize(payload) + payload;
}

export function writeHead(out: Uint8Array, pos: number, tag: number, length: number): number {
  out[pos] = tag;
  return writeVarint(out, pos + 1, length);
}

export function writeString(out: Uint8Array, pos: number, tag: number, text: string): number {
  return writeUtf8(out, writeHead(out, pos, tag, utf8Size(text)), text);
}
