import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setAwsEnvironment } from '../support/aws-environment.ts';
import { createSqliteRepo } from '../support/golden-repo.ts';
import { startSideboard } from '../support/sideboard-process.ts';

/**
 * The samples on the pages of Feast's documentation about online stores, but for the project, which is that of the registry.
 * Those of MySQL and PostgreSQL, with words where a test has to put a port, are in sql-stores.test.ts.
 */
const samples = {
  SQLite: `
project: shop
registry: data/registry.db
provider: local
online_store:
  type: sqlite
  path: data/online_store.db
`,
  Redis: `
project: shop
registry: data/registry.db
provider: local
online_store:
  type: redis
  connection_string: "localhost:6379"
`,
  'Redis Cluster': `
project: shop
registry: data/registry.db
provider: local
online_store:
  type: redis
  redis_type: redis_cluster
  connection_string: "redis1:6379,redis2:6379,ssl=true,password=my_password"
`,
  'Redis Sentinel': `
project: shop
registry: data/registry.db
provider: local
online_store:
  type: redis
  redis_type: redis_sentinel
  sentinel_master: mymaster
  connection_string: "redis1:26379,ssl=true,password=my_password"
`,
  'Redis with a time to live': `
project: shop
registry: data/registry.db
provider: local
online_store:
  type: redis
  key_ttl_seconds: 604800   # 7 days
  connection_string: "localhost:6379"
`,
  'Redis without comparing': `
project: shop
registry: data/registry.db
provider: local
online_store:
  type: redis
  connection_string: "localhost:6379"
  skip_dedup: true
`,
  DynamoDB: `
project: shop
registry: data/registry.db
provider: aws
online_store:
  type: dynamodb
  region: us-west-2
`,
  'DynamoDB for speed': `
project: shop
registry: data/registry.db
provider: aws
online_store:
  type: dynamodb
  region: us-west-2
  batch_size: 100
  max_read_workers: 10
  consistent_reads: false
  warmup_connections: true
`,
  'a class of MySQL by its path alone': `
project: shop
registry: data/registry.db
provider: local
online_store: feast_custom_online_store.mysql.MySQLOnlineStore
`,
} as const;

describe("a feature_store.yaml of Feast's documentation", function () {
  this.timeout(60_000);

  for (const [name, sample] of Object.entries(samples)) {
    it(`starts as it is: ${name}`, async () => {
      const repo = createSqliteRepo('multiview');
      const restore = setAwsEnvironment();
      try {
        writeFileSync(join(repo.path, 'feature_store.yaml'), sample);
        // Its store need not be there: what it says about that comes later, in the log.
        const serving = await startSideboard(repo.path);
        assert.match(serving.address, /:\d+$/);
        assert.equal(await serving.stop(), 0);
      } finally {
        restore();
        repo.remove();
      }
    });
  }
});
