import { clone, fromBinary, type JsonValue, toJson } from '@bufbuild/protobuf';
import { type FeatureView, FeatureViewSchema } from '../../gen/feast/core/FeatureView_pb.ts';
import { type Registry, RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { sourcesOfView } from '../../src/registry/writing/data-source-copies.ts';

/**
 * A registry to be compared with one that was written at another time: all times alike, all ids alike, lists in one order.
 * @param withClasses false: without the classes of the sources in views, which Feast drops when it changes a view in place
 */
export function comparableRegistry(registry: Registry, withClasses = true): JsonValue {
  const copy = clone(RegistrySchema, registry);
  const trim = ({ spec }: FeatureView): void => {
    if (spec === undefined || withClasses) return;
    for (const source of sourcesOfView(spec)) source.dataSourceClassType = '';
  };
  copy.featureViews.forEach(trim);
  for (const record of copy.featureViewVersionHistory?.records ?? []) {
    if (record.featureViewType !== 'feature_view') continue;
    const view = fromBinary(FeatureViewSchema, record.featureViewProto);
    trim(view);
    record.description = JSON.stringify(scrubbed(toJson(FeatureViewSchema, view)));
    record.featureViewProto = new Uint8Array();
  }
  return scrubbed(toJson(RegistrySchema, copy));
}

/** Lists in which Feast's order is that of a Python set. */
const unordered = ['entities', 'dataSources', 'featureViews', 'featureServices', 'records', 'infraObjects'];

function scrubbed(value: JsonValue, key = ''): JsonValue {
  if (key === 'versionId' || /Timestamp$|^lastUpdated$/.test(key)) return typeof value;
  if (Array.isArray(value)) {
    const list = value.map((each) => scrubbed(each));
    return unordered.includes(key) ? list.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : list;
  }
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([name, each]) => [name, scrubbed(each, name)]));
}
