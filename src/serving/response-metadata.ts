import { utf8Size, varintSize, writeVarint } from '../encoding/wire.ts';
import { fieldSize, Tag, writeHead, writeString } from './response-wire.ts';

/** Serializes `GetOnlineFeaturesResponse.metadata`, tag and length included. Done once per plan. */
export function encodeResponseMetadata(
  names: readonly string[],
  versions: readonly { readonly name: string; readonly version: number }[],
): Uint8Array {
  const namesSize = names.reduce((sum, name) => sum + fieldSize(utf8Size(name)), 0);
  const versionSizes = versions.map(
    ({ name, version }) => fieldSize(utf8Size(name)) + (version === 0 ? 0 : 1 + varintSize(version)),
  );
  const size = fieldSize(namesSize) + versionSizes.reduce((sum, each) => sum + fieldSize(each), 0);
  const out = new Uint8Array(fieldSize(size));
  let pos = writeHead(out, 0, Tag.metadata, size);
  pos = writeHead(out, pos, Tag.featureNames, namesSize);
  for (const name of names) pos = writeString(out, pos, Tag.listVal, name);
  for (const [index, { name, version }] of versions.entries()) {
    pos = writeHead(out, pos, Tag.featureViewMetadata, versionSizes[index] ?? 0);
    pos = writeString(out, pos, Tag.viewName, name);
    if (version !== 0) {
      out[pos++] = Tag.viewVersion;
      pos = writeVarint(out, pos, version);
    }
  }
  return out;
}
