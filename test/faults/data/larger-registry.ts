import { create, toBinary } from '@bufbuild/protobuf';
import { RegistrySchema } from '../../../gen/feast/core/Registry_pb.ts';
import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import { ENTITY, JOIN_KEY, PROJECT } from './marked-data.ts';
import { markedRegistry } from './marked-project.ts';

const VIEWS_PER_PART = 2_000;

/** The registry of the marked data with as many further views as it takes to be this large. */
export function largerRegistry(bytes: number): Uint8Array {
  const parts: Uint8Array[] = [markedRegistry()];
  let size = parts[0]?.length ?? 0;
  for (let first = 0; size < bytes; first += VIEWS_PER_PART) {
    // Messages that stand one behind the other merge: their lists become one.
    const part = toBinary(RegistrySchema, create(RegistrySchema, { featureViews: viewsFrom(first) }));
    parts.push(part);
    size += part.length;
  }
  return Buffer.concat(parts);
}

function viewsFrom(first: number) {
  return Array.from({ length: VIEWS_PER_PART }, (_, at) => ({
    spec: {
      name: `further_${first + at}`,
      project: PROJECT,
      entities: [ENTITY],
      entityColumns: [{ name: JOIN_KEY, valueType: ValueType_Enum.INT64 }],
      features: Array.from({ length: 20 }, (__, n) => ({
        name: `feature_${n}`,
        valueType: ValueType_Enum.DOUBLE,
        tags: { owner: 'nobody in particular' },
      })),
      online: true,
      ttl: { seconds: 0n },
    },
  }));
}
