import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { surrogateKeyTag } from '../../src/definitions/surrogate-key.ts';
import { runCli } from '../support/cli-run.ts';
import { createDefinedRepo } from '../support/defined-repo.ts';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { string } from '../support/feature-values.ts';
import { readGoldenLines } from '../support/golden.ts';
import { refusalOf } from '../support/online-features-client.ts';
import { serveProject } from '../support/serving-project.ts';

const definitions = (surrogateKey: string): string => `
entities:
  - {name: user, join_key: user_id, value_type: String${surrogateKey}}
feature_views:
  - name: user_stats
    entities: [user]
    schema: [{name: n, dtype: Int64}]
`;

const declared = ', surrogate_key: {columns: [first, last, dob]}';
const john = { first: 'John', last: 'Doe', dob: '1990-01-15' };

interface KeyVector {
  readonly id: string;
  readonly user_id: string;
  readonly by_polars: Readonly<Record<string, string>>;
}

describe('a surrogate key of the registry', () => {
  let repo: FeatureRepo;
  const vector = readGoldenLines<KeyVector>('mlforge', 'surrogate_key.jsonl').find(({ id }) => id === 'sk-s01');

  /** The project with a row under the key that polars made of John's columns. */
  const open = async (surrogateKey: string, sideboard: object = {}): Promise<void> => {
    repo = createDefinedRepo(definitions(surrogateKey), { sideboard });
    const row = { user_id: vector?.user_id, event_timestamp: '2026-01-01T00:00:00Z', n: 7 };
    writeFileSync(join(repo.path, 'rows.jsonl'), `${JSON.stringify(row)}\n`);
    for (const args of [['apply'], ['write', 'user_stats', join(repo.path, 'rows.jsonl')]]) {
      const { status, stderr } = await runCli([...args, '--repo', repo.path]);
      assert.equal(status, 0, stderr);
    }
  };
  const get = () => {
    const columns = Object.entries(john).flatMap(([name, value]) => ['--entity', `${name}=${value}`]);
    return runCli(['get', '--features', 'user_stats:n', ...columns, '--json', '--repo', repo.path]);
  };

  afterEach(() => repo?.remove());

  it('is honoured by get', async () => {
    await open(declared);
    const { status, stdout, stderr } = await get();
    assert.equal(status, 0, stderr);
    assert.deepEqual(JSON.parse(stdout).results.at(-1).values, [7]);
    assert.doesNotMatch(stderr, /warning/);
  });

  it('is honoured by serve, and a caller may send the join key as well', async () => {
    await open(declared);
    const project = await serveProject(repo.path);
    try {
      const features = ['user_stats:n'];
      const columns = { first: [string('John')], last: [string('Doe')], dob: [string('1990-01-15')] };
      for (const entities of [columns, { user_id: [string(vector?.user_id ?? '')] }]) {
        const answer = await project.client.ask({ features, entities });
        assert.deepEqual(answer.columns.at(-1)?.values, [{ int64Val: '7' }]);
      }
      const { first, last } = columns;
      const refusal = await refusalOf(project.client.ask({ features, entities: { first, last } }));
      assert.match(refusal.message, /"user_id" can be made from "first", "last", "dob", of which "dob" is not sent/);
    } finally {
      await project.close();
    }
  });

  it('gives way to feature_store.yaml, with a warning where the two differ', async () => {
    const entityKey = { from_columns: ['first', 'last', 'dob'], algorithm: 'polars-1' };
    await open(', surrogate_key: {columns: [last, first], algorithm: sha256-spark}', {
      entity_keys: { user_id: entityKey },
    });
    const { status, stdout, stderr } = await get();
    assert.equal(status, 0, stderr);
    assert.deepEqual(JSON.parse(stdout).results.at(-1).values, [7]);
    assert.match(stderr, /warning: sideboard\.entity_keys\.user_id says another way than the registry's entity/);
  });

  it('that cannot be read is left out with a warning, and the join key has to be sent', async () => {
    await open(declared);
    const file = join(repo.path, 'registry.db');
    const registry = fromBinary(RegistrySchema, readFileSync(file));
    for (const { spec } of registry.entities) if (spec?.name === 'user') spec.tags[surrogateKeyTag] = '{"columns":';
    writeFileSync(file, toBinary(RegistrySchema, registry));
    const { status, stderr } = await get();
    assert.notEqual(status, 0);
    assert.match(stderr, /warning: The entity "user" has a tag sideboard:surrogate_key that cannot be read/);
    assert.match(stderr, /MISSING_JOIN_KEY/);
  });
});
