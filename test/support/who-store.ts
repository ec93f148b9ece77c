import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import type { FeatureRepo } from './feature-repo.ts';
import { createSqliteRepo } from './golden-repo.ts';
import type { Ask, OnlineFeaturesClient } from './online-features-client.ts';

/**
 * A store of the user's that answers with the id of the process that was asked. It takes a moment where the entity's id is that
 * many milliseconds.
 */
const SOURCE = `
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from '${import.meta.resolve('zod')}';

export const WhoOnlineStoreConfig = z.strictObject({});

export class WhoOnlineStore {
  capabilities = { readMany: false, ttl: false, directWrite: true, keepsNewest: false,
    feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' } };
  async update() {}
  async teardown() {}
  async onlineWriteBatch() {}
  async ping() {}
  async close() {}
  async onlineRead(table, keys) {
    const pid = Buffer.from(String(process.pid));
    const city = Buffer.concat([Buffer.from([0x12, pid.length]), pid]);
    await sleep(Number(keys[0].entityValues[0].val.value));
    return keys.map(() => ({ eventTimestamp: { seconds: 1, nanos: 0 }, values: new Map([['city', city]]) }));
  }
}
`;

/** A project whose every answer says which process gave it. */
export function createWhoRepo(sideboard: object = {}): FeatureRepo {
  const repo = createSqliteRepo('simple', { online_store: 'who.WhoOnlineStore', sideboard });
  writeFileSync(join(repo.path, 'who.mjs'), SOURCE);
  return repo;
}

/** Asks for the id of the process that answers, and gives it so many milliseconds to do. */
export async function askWho(client: OnlineFeaturesClient, milliseconds = 0): Promise<number> {
  const ask: Ask = {
    features: ['driver_hourly_stats:city'],
    entities: { driver_id: [create(ValueSchema, { val: { case: 'int64Val', value: BigInt(milliseconds) } })] },
  };
  const { columns } = await client.ask(ask);
  return Number((columns[1]?.values[0] as { stringVal?: string } | undefined)?.stringVal);
}
