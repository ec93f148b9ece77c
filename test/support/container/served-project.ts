import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The user of the image. */
export const IMAGE_UID = 65532;

/** A project in a folder as a ConfigMap would mount it, with a folder of data that the image's user may write. */
export interface ServedProject {
  readonly repo: string;
  readonly data: string;
}

const CONFIGURATION = `
project: shop
registry: /data/registry.db
provider: local
online_store:
  type: sqlite
  path: /data/online_store.db
entity_key_serialization_version: 3
`;

const DEFINITIONS = `
entities:
  - {name: customer, join_key: customer_id, value_type: Int64}
sources:
  - {name: orders, type: file, path: orders.parquet, timestamp_field: event_timestamp}
feature_views:
  - name: orders
    entities: [customer]
    source: orders
    schema:
      - {name: count, dtype: Int64}
`;

const ROWS = '{"customer_id": 7, "count": 42, "event_timestamp": "2026-01-10T08:00:00Z"}\n';

export function createServedProject(folder: string): ServedProject {
  const [repo, data] = [join(folder, 'repo'), join(folder, 'data')];
  for (const path of [repo, data]) mkdirSync(path, { recursive: true });
  writeFileSync(join(repo, 'feature_store.yaml'), CONFIGURATION);
  writeFileSync(join(repo, 'definitions.yaml'), DEFINITIONS);
  writeFileSync(join(repo, 'rows.jsonl'), ROWS);
  chownSync(data, IMAGE_UID, IMAGE_UID);
  return { repo, data };
}
