import assert from 'node:assert/strict';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  FieldStatus,
  GetOnlineFeaturesRequestSchema,
  GetOnlineFeaturesResponseSchema,
} from '../../gen/feast/serving/ServingService_pb.ts';
import { type OpenProject, openProject } from '../../src/cli/composition.ts';
import { servingPolicyFromConfig } from '../../src/cli/serving-policy-from-config.ts';
import { deserializeEntityKey, serializeEntityKey } from '../../src/encoding/entity-key.ts';
import { OnlineFeatures } from '../../src/serving/online-features.ts';
import type { OnlineStore } from '../../src/stores/online-store.ts';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { int64 } from '../support/feature-values.ts';
import { createSqliteRepo } from '../support/golden-repo.ts';
import { requestFromAsk } from '../support/online-features-client.ts';
import { inDatabase } from '../support/sqlite-file.ts';

const { PRESENT, NOT_FOUND } = FieldStatus;
const TABLE = 'driver_ranking_driver_hourly_stats';

describe('sideboard.entity_key_fallback: v2', () => {
  let repo: FeatureRepo;
  let project: OpenProject;

  const open = async (sideboard: object): Promise<void> => {
    repo = createSqliteRepo('simple', { sideboard });
    // Driver 1001 stands under its older key alone, as if Feast had never written it anew.
    await inDatabase(repo, (database) => {
      const keys = database.prepare(`SELECT DISTINCT entity_key FROM ${TABLE}`).raw().all() as [Buffer][];
      for (const [key] of keys) {
        const entityKey = deserializeEntityKey(key);
        if (entityKey.entityValues[0]?.val.value !== 1001n) continue;
        const older = Buffer.from(serializeEntityKey(entityKey, 2));
        database.prepare(`UPDATE ${TABLE} SET entity_key = ? WHERE entity_key = ?`).run(older, key);
      }
    });
    project = await openProject({ location: { repo: repo.path }, env: {}, warn: () => {} });
  };

  afterEach(async () => {
    await project.close();
    repo.remove();
  });

  /** Statuses and the number of rows that were found under their older key. */
  async function answer(store: OnlineStore): Promise<readonly [readonly FieldStatus[], number]> {
    const policy = servingPolicyFromConfig(project.config);
    const features = new OnlineFeatures({ registry: () => project.registry.current(), store, policy });
    const ask = { features: ['driver_hourly_stats:conv_rate'], entities: { driver_id: [1002, 1001, 4711].map(int64) } };
    const request = toBinary(GetOnlineFeaturesRequestSchema, requestFromAsk(ask));
    const response = fromBinary(GetOnlineFeaturesResponseSchema, await features.getOnlineFeatures(request));
    return [response.results[1]?.statuses ?? [], features.counters().olderKeyHits];
  }

  it('finds rows under their older key, once the newer one has missed, and counts them', async () => {
    await open({ entity_key_fallback: 'v2' });
    assert.deepEqual(await answer(project.store), [[PRESENT, PRESENT, NOT_FOUND], 1]);
  });

  it('does so through onlineRead too, for a store without readMany', async () => {
    await open({ entity_key_fallback: 'v2' });
    const { store } = project;
    const versions: unknown[] = [];
    const simple: OnlineStore = {
      capabilities: { ...store.capabilities, readMany: false },
      update: (...args) => store.update(...args),
      teardown: (...args) => store.teardown(...args),
      onlineWriteBatch: (...args) => store.onlineWriteBatch(...args),
      onlineRead(...args) {
        versions.push([args[1].length, args[3]?.entityKeyVersion]);
        return store.onlineRead(...args);
      },
      ping: () => store.ping(),
      close: () => store.close(),
    };
    assert.deepEqual(await answer(simple), [[PRESENT, PRESENT, NOT_FOUND], 1]);
    assert.deepEqual(versions, [
      [3, undefined],
      [2, 2],
    ]);
  });

  it('is off unless it is asked for', async () => {
    await open({});
    assert.deepEqual(await answer(project.store), [[PRESENT, NOT_FOUND, NOT_FOUND], 0]);
  });
});
