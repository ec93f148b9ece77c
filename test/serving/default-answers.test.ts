import { strict as assert } from 'node:assert';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { int32, int64, string } from '../support/feature-values.ts';
import { goldenPath } from '../support/golden.ts';
import type { AnswerColumn, Ask } from '../support/online-features-client.ts';
import { restoreRedisDump } from '../support/redis-dump.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { type ServedProject, serveProject } from '../support/serving-project.ts';
import { recordedStores } from './compatibility/recorded-answer.ts';
import { createRecordedRepo } from './compatibility/recorded-repo.ts';

/** Two ways to ask for the same features of the same entities; the second is how Feast would have it. */
interface Pair {
  readonly repo: string;
  readonly says: string;
  readonly ask: Ask;
  readonly sameAs: Ask;
}

const city = ['driver_hourly_stats:city'];
const drivers = { driver_id: [int64(1001)] };
const customers = { customer_id: [string('c1'), string('c2')] };
const accounts = { account_id: [int64(1), int64(2), int64(3)] };
const users = { user_id: [int64(1), int64(2), int64(3), int64(5), int64(99)] };
const plain = ['base:score', 'base:name', 'slow:total'];

const pairs: readonly Pair[] = [
  {
    repo: 'simple',
    says: 'finds an INT64 entity by its decimal digits',
    ask: { features: city, entities: { driver_id: [string('1001')] } },
    sameAs: { features: city, entities: drivers },
  },
  {
    repo: 'simple',
    says: 'finds an INT64 entity by an int32',
    ask: { features: city, entities: { driver_id: [int32(1001)] } },
    sameAs: { features: city, entities: drivers },
  },
  {
    repo: 'simple',
    says: "takes the entity's name for its join key",
    ask: { features: city, entities: { driver: [int64(1001)] } },
    sameAs: { features: city, entities: drivers },
  },
  {
    repo: 'composite',
    says: 'finds an INT32 key by an int64',
    ask: { features: ['zone_driver_stats:surge'], entities: { driver_id: [int64(1)], zone: [int64(7)] } },
    sameAs: { features: ['zone_driver_stats:surge'], entities: { driver_id: [int64(1)], zone: [int32(7)] } },
  },
  {
    repo: 'multiview',
    says: 'answers an entity-less view for as many rows as another join key has',
    ask: { features: ['global_stats:rate', 'global_stats:day'], entities: customers },
    sameAs: { features: ['global_stats:rate', 'global_stats:day'], entities: { __dummy_id: [string(''), string('')] } },
  },
  {
    repo: 'multiview',
    says: 'answers an entity-less view without a column once',
    ask: { features: ['global_stats:rate'] },
    sameAs: { features: ['global_stats:rate'], entities: { __dummy_id: [string('')] } },
  },
  {
    repo: 'versioned',
    says: 'reads the current version through a service that pins none',
    ask: { service: 'acct_latest', entities: accounts },
    sameAs: { features: ['acct:balance', 'acct:level', 'acct:logins'], entities: accounts },
  },
  {
    repo: 'versioned',
    says: 'reads the current version through a service of two views',
    ask: { service: 'both', entities: accounts, fullNames: true },
    sameAs: {
      features: ['acct:balance', 'acct:level', 'acct:logins', 'other:level'],
      entities: accounts,
      fullNames: true,
    },
  },
  {
    repo: 'extras',
    says: 'reads the views of a pre-computed service',
    ask: { service: 'pre', entities: users },
    sameAs: { features: plain, entities: users },
  },
  {
    repo: 'extras',
    says: 'reads the views of a pre-computed service with full names',
    ask: { service: 'pre', entities: users, fullNames: true },
    sameAs: { features: plain, entities: users, fullNames: true },
  },
];

describe('the default mode', () => {
  let redisServer: RedisServer;

  before(async () => {
    redisServer = await startRedisServer();
    for (const repo of new Set(pairs.map((pair) => pair.repo))) {
      await restoreRedisDump(redisServer.port, goldenPath('redis', repo, 'dump.jsonl'));
    }
  });
  after(() => redisServer.remove());

  for (const store of recordedStores) {
    for (const { repo, says, ask, sameAs } of pairs) {
      it(`${says} (${store})`, async () => {
        let folder: FeatureRepo | undefined;
        let served: ServedProject | undefined;
        try {
          folder = createRecordedRepo(store, repo, 'default', redisServer.port);
          served = await serveProject(folder.path);
          served.setTime(Date.UTC(2026, 10, 21, 13, 40));
          const expected = featuresOf(sameAs, (await served.client.ask(sameAs)).columns);
          const actual = featuresOf(ask, (await served.client.ask(ask)).columns);
          assert.deepEqual(byName(actual), byName(expected));
          // The comparison means something only where something was found.
          assert.ok(expected.some((column) => column.statuses.includes('PRESENT')));
        } finally {
          await served?.close();
          folder?.remove();
        }
      });
    }
  }
});

function featuresOf(ask: Ask, columns: readonly AnswerColumn[]): readonly AnswerColumn[] {
  return columns.filter((column) => !Object.hasOwn(ask.entities ?? {}, column.name));
}

function byName(columns: readonly AnswerColumn[]): readonly AnswerColumn[] {
  return [...columns].sort((a, b) => (a.name < b.name ? -1 : 1));
}
