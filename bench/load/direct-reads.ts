import { create } from '@bufbuild/protobuf';
import { EntityKeySchema } from '../../gen/feast/types/EntityKey_pb.ts';
import { serializeEntityKey } from '../../src/encoding/entity-key.ts';
import { projectSuffix, redisKey } from '../../src/stores/redis/redis-layout.ts';

/** What a client sends to Redis itself for a request: an `HMGET` for each entity, one behind the other. */
export function directReads(
  project: string,
  joinKey: string,
  entities: readonly number[],
  fields: readonly Buffer[],
): Buffer {
  const suffix = projectSuffix(project);
  return Buffer.concat(
    entities.map((entity) => {
      const entityKey = create(EntityKeySchema, {
        joinKeys: [joinKey],
        entityValues: [{ val: { case: 'int64Val', value: BigInt(entity) } }],
      });
      return respCommand(['HMGET', redisKey(serializeEntityKey(entityKey), suffix), ...fields]);
    }),
  );
}

function respCommand(args: readonly (string | Buffer)[]): Buffer {
  const parts = args.flatMap((arg) => {
    const bytes = Buffer.from(arg);
    return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')];
  });
  return Buffer.concat([Buffer.from(`*${args.length}\r\n`), ...parts]);
}
