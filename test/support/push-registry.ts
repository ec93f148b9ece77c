import type { MessageInitShape } from '@bufbuild/protobuf';
import { DataSource_SourceType, type DataSourceSchema } from '../../gen/feast/core/DataSource_pb.ts';
import type { FeatureViewSchema } from '../../gen/feast/core/FeatureView_pb.ts';
import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import type { RegistrySnapshot } from '../../src/registry/registry-snapshot.ts';
import { createRegistrySnapshot } from '../../src/registry/snapshot-from-proto.ts';
import { registryOf } from './registries.ts';

type Source = MessageInitShape<typeof DataSourceSchema>;

export interface PushedView {
  readonly name: string;
  readonly features: Readonly<Record<string, ValueType_Enum>>;
  /** Entities by name: `thing` (`id`, INT64), `place` (`place_id`, STRING). `thing` unless it says otherwise. */
  readonly entities?: readonly ('thing' | 'place')[];
  readonly source?: string;
  readonly online?: boolean;
  readonly created?: string;
  readonly timestamp?: string;
  readonly mapping?: Readonly<Record<string, string>>;
  readonly version?: number;
  /** Features that are searched for, by the elements they have. */
  readonly vectors?: Readonly<Record<string, number>>;
}

/** Project `p` with views that are fed by push sources; `live` unless they say otherwise. */
export function pushedSnapshot(
  views: readonly PushedView[],
  streamViews: readonly PushedView[] = [],
): RegistrySnapshot {
  const registry = registryOf({
    entities: [
      { spec: { name: 'thing', project: 'p', joinKey: 'id', valueType: ValueType_Enum.INT64 } },
      { spec: { name: 'place', project: 'p', joinKey: 'place_id', valueType: ValueType_Enum.STRING } },
    ],
    featureViews: views.map(viewFrom),
    streamFeatureViews: streamViews.map((view) => ({ spec: { ...viewFrom(view).spec } })),
    onDemandFeatureViews: [{ spec: { name: 'computed', project: 'p', writeToOnlineStore: true } }],
  });
  return createRegistrySnapshot(registry, 'p', 1, (warning) => {
    throw new Error(warning);
  });
}

function viewFrom(view: PushedView) {
  const batchSource: Source = {
    type: DataSource_SourceType.BATCH_FILE,
    timestampField: view.timestamp ?? 'event_timestamp',
    createdTimestampColumn: view.created ?? '',
    fieldMapping: { ...view.mapping },
  };
  return {
    spec: {
      name: view.name,
      project: 'p',
      entities: [...(view.entities ?? ['thing'])],
      features: Object.entries(view.features).map(([name, valueType]) => {
        const vectorLength = view.vectors?.[name] ?? 0;
        return { name, valueType, vectorIndex: vectorLength > 0, vectorLength };
      }),
      online: view.online ?? true,
      batchSource,
      streamSource: { type: DataSource_SourceType.PUSH_SOURCE, name: view.source ?? 'live', batchSource },
    },
    meta: { currentVersionNumber: view.version ?? 0 },
  } satisfies MessageInitShape<typeof FeatureViewSchema>;
}
