import assert from 'node:assert/strict';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { type CliRun, runCli } from '../support/cli-run.ts';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { goldenPath } from '../support/golden.ts';
import { createSqliteRepo } from '../support/golden-repo.ts';
import { openDatabase } from '../support/sqlite-file.ts';

const VIEW = 'driver_hourly_stats';

describe('a command', () => {
  let repo: FeatureRepo;

  beforeEach(() => {
    repo = createSqliteRepo('simple');
  });

  afterEach(() => repo.remove());

  const sideboard = (...args: readonly string[]): Promise<CliRun> => runCli([...args, '--repo', repo.path]);
  const get = (): Promise<CliRun> => sideboard('get', '--features', `${VIEW}:city`, '--entity', 'driver_id=1001');

  describe('that is called wrongly', () => {
    for (const [args, message] of [
      [['fly'], /Unknown command 'fly'/],
      [['help', 'fly'], /Unknown command 'fly'\.\nhint: .*sideboard --help/],
      [['inspekt'], /Unknown command 'inspekt'\.\nhint: Did you mean inspect\?/],
      [
        ['get', '--featurs', 'a:b'],
        /Unknown option '--featurs'\.\nhint: Did you mean --features\?.*sideboard get --help/,
      ],
      [['get'], /Neither --features nor --service/],
      [['get', '--features', 'a:b', '--service', 's'], /cannot be used with/],
      [['get', '--features', 'a:b', '--entity', 'x'], /--entity "x" is not written name=value/],
      [['get', '--features', 'a:b', '--timeout', 'soon'], /Expected a whole number from 1 to 3600000/],
      [['write', 'v'], /Missing required argument 'file'/],
      [['write', 'v', 'f.csv', '--batch-size', '0'], /Expected a whole number/],
      [['serve', '--log-level', 'loud'], /Allowed choices are trace/],
      [['inspect', '--config', 'x.yaml'], /cannot be used with option '--repo/],
    ] as const) {
      it(`says what is wrong: ${args.join(' ')}`, async () => {
        const { status, stdout, stderr } = await sideboard(...args);
        assert.equal(status, exitCodes.usage.code);
        assert.equal(stdout, '');
        assert.match(stderr, /^error CLI_USAGE: /);
        assert.match(stderr, message);
      });
    }
  });

  describe('on a broken project', () => {
    for (const [name, breakIt, exit, message] of [
      [
        'no configuration',
        () => rmSync(join(repo.path, 'feature_store.yaml')),
        'config',
        /^error CONFIG_NOT_FOUND: .*\nhint: .*--repo/,
      ],
      [
        'an unknown key in the configuration',
        () => append('sideboard:\n  serving:\n    statusses: full\n'),
        'config',
        /^error CONFIG_INVALID: .*feature_store\.yaml:\d+: sideboard\.serving\.statusses: .*Did you mean statuses/s,
      ],
      [
        'an unknown store',
        () => change('type: sqlite', 'type: sqlight'),
        'config',
        /^error STORE_TYPE_INVALID: .*feature_store\.yaml:\d+: .*sqlight/,
      ],
      [
        'a registry that is not read by this version',
        () => change('registry: data/registry.db', 'registry: hdfs://name/registry.db'),
        'config',
        /^error CLI_REGISTRY_NOT_SERVED: .*feature_store\.yaml:\d+: .*hdfs:/,
      ],
      [
        'no registry',
        () => rmSync(join(repo.path, 'data/registry.db')),
        'registry',
        /^error REGISTRY_NOT_FOUND: .*\nhint: .*feast apply/,
      ],
      [
        'a registry that is cut off',
        () => truncateSync(join(repo.path, 'data/registry.db'), 1000),
        'registry',
        /^error REGISTRY_CORRUPT: /,
      ],
      [
        'the registry of another project',
        () => change('project: driver_ranking', 'project: other'),
        'registry',
        /^error REGISTRY_PROJECT_MISSING: .*driver_ranking/s,
      ],
      [
        'no online store',
        () => rmSync(join(repo.path, 'data/online_store.db')),
        'store',
        /^error STORE_UNAVAILABLE: .*does not exist\.\nhint: .*sideboard apply/,
      ],
      [
        'an online store that is not a database',
        () =>
          writeFileSync(
            join(repo.path, 'data/online_store.db'),
            'not a database, but long enough to be one'.repeat(50),
          ),
        'store',
        /^error STORE_WRONG_LAYOUT: .*is not a SQLite database/,
      ],
    ] as const) {
      it(`ends with its own exit code for ${name}`, async () => {
        breakIt();
        const { status, stdout, stderr } = await get();
        assert.match(stderr, message);
        assert.equal(status, exitCodes[exit].code);
        assert.equal(stdout, '');
        assert.doesNotMatch(stderr, /\n {4}at /, 'no stack without --verbose');
      });
    }

    it('waits for a lock as long as the settings say, then tells of it', async () => {
      append('sideboard:\n  sqlite:\n    busy_timeout_ms: 50\n');
      const database = await openDatabase(repo);
      try {
        database.exec('BEGIN EXCLUSIVE');
        const { status, stderr } = await get();
        assert.match(stderr, /^error STORE_UNAVAILABLE: .*locked by another process/);
        assert.equal(status, exitCodes.store.code);
      } finally {
        database.close();
      }
    });

    it('shows stack and causes with --verbose', async () => {
      rmSync(join(repo.path, 'data/registry.db'));
      const { stderr } = await sideboard('inspect', '--verbose');
      assert.match(stderr, /RegistryError: .*\n {4}at /);
      assert.match(stderr, /ENOENT/);
    });
  });

  describe('get', () => {
    it('shows one line per entity and feature, with status and event time', async () => {
      const { status, stdout, stderr } = await sideboard(
        ...['get', '--features', `${VIEW}:city, ${VIEW}:avg_daily_trips`, '--entity', 'driver_id=1001,4711'],
      );
      assert.equal(stderr, '');
      assert.equal(status, 0);
      assert.match(stdout, /^driver_id {2}feature +value +status +event time\n/);
      assert.match(stdout, /\n1001 +city +\S.* +PRESENT +20\d\d-\d\d-\d\dT/);
      assert.match(stdout, /\n4711 +avg_daily_trips +- +NOT_FOUND +-\n$/);
    });

    it('prints JSON as Feast prints it over HTTP', async () => {
      const recorded = recordedAnswer('one-feature');
      const { stdout } = await sideboard('get', '--json', ...recorded.args);
      const answer = JSON.parse(stdout) as { metadata: unknown; results: { values: unknown; statuses: unknown }[] };
      assert.deepEqual(answer.metadata, recorded.response.metadata);
      assert.deepEqual(
        answer.results.map(({ values }) => values),
        recorded.response.results.map(({ values }) => values),
      );
    });

    it('takes entities from a file or standard input, as columns or rows, and keeps int64 exact', async () => {
      const columns = '{"driver_id": [1001, 9007199254740993]}';
      const rows = '[{"driver_id": 1001}, {"driver_id": 9007199254740993}]';
      const answers = [];
      for (const input of [columns, rows]) {
        const args = ['get', '--features', `${VIEW}:city`, '--entities', '-', '--json', '--repo', repo.path];
        answers.push((await runCli(args, { input })).stdout);
      }
      const file = join(repo.path, 'entities.json');
      writeFileSync(file, columns);
      answers.push((await sideboard('get', '--features', `${VIEW}:city`, '--entities', file, '--json')).stdout);
      assert.match(answers[0] ?? '', /"values":\[1001,9007199254740993\]/);
      assert.equal(answers[1], answers[0]);
      assert.equal(answers[2], answers[0]);
    });

    it('takes the name of an entity for its join key, and repeated options together', async () => {
      const { stdout } = await sideboard(
        ...['get', '--features', `${VIEW}:city`, '--entity', 'driver=1001', '--entity', 'driver=1002', '--json'],
      );
      assert.match(stdout, /"feature_names":\["driver","city"\].*"values":\[1001,1002\]/);
    });

    for (const [args, message] of [
      [['--features', `${VIEW}:city`, '--entity', 'driver_id=x'], /^error CLI_USAGE: --entity driver_id: INT64 takes/],
      [['--features', `${VIEW}:city`, '--entities', 'nowhere.json'], /^error CLI_USAGE: .*ENOENT/],
    ] as const) {
      it(`refuses entities that do not fit: ${args.join(' ')}`, async () => {
        const { status, stderr } = await sideboard('get', ...args);
        assert.match(stderr, message);
        assert.equal(status, exitCodes.usage.code);
      });
    }

    for (const [args, code] of [
      [['--features', 'nope:city'], 'UNKNOWN_FEATURE_VIEW'],
      [['--features', `${VIEW}:nope`], 'UNKNOWN_FEATURE'],
      [['--service', 'nope'], 'UNKNOWN_FEATURE_SERVICE'],
      [['--features', `${VIEW}:city`, '--entity', 'other=1'], 'UNKNOWN_ENTITY_COLUMN'],
    ] as const) {
      it(`ends as a refused request for ${code}`, async () => {
        const { status, stderr } = await sideboard('get', '--entity', 'driver_id=1', ...args);
        assert.match(stderr, new RegExp(`^error ${code}: `));
        assert.equal(status, exitCodes.input.code);
      });
    }
  });

  describe('inspect', () => {
    it('lists views with kinds, join keys, types and ttl, services and entities', async () => {
      const other = createSqliteRepo('multiview');
      try {
        const { stdout, status } = await runCli(['inspect', '--repo', other.path]);
        assert.equal(status, 0);
        assert.match(stdout, /^project shop, registry of 20\d\d-\S+Z \(from its source, \d+ s old\)/);
        assert.match(
          stdout,
          /\nview live_counters \(feature view, by customer_id STRING, ttl 1 h\)\n {2}clicks {2}INT64\n/,
        );
        assert.match(stdout, /\nview global_stats \(feature view, no entity, no ttl\)/);
        assert.match(stdout, /\nview birthday \(on-demand feature view, not served: needs Python\)/);
        assert.match(stdout, /\n {2}origin_stats .*view location_stats, location_id sent as origin_id\n/);
        assert.match(stdout, /\nentities\n {2}customer {2}customer_id STRING\n/);
      } finally {
        other.remove();
      }
    });

    it('shows a single view or service, and says what there is when there is none of that name', async () => {
      const { stdout } = await sideboard('inspect', VIEW);
      assert.match(stdout, /^view driver_hourly_stats /);
      assert.doesNotMatch(stdout, /service/);
      const { status, stderr } = await sideboard('inspect', 'nope');
      assert.equal(status, exitCodes.usage.code);
      assert.match(stderr, /hint: There are: driver_hourly_stats, /);
    });

    it('prints the same as JSON', async () => {
      const { stdout } = await sideboard('inspect', '--json');
      const { project, views } = JSON.parse(stdout) as {
        project: string;
        views: { name: string; joinKeys: unknown }[];
      };
      assert.equal(project, 'driver_ranking');
      assert.deepEqual(views[0]?.joinKeys, [{ name: 'driver_id', type: 'INT64' }]);
    });
  });

  function append(text: string): void {
    const file = join(repo.path, 'feature_store.yaml');
    writeFileSync(file, `${readFileSync(file, 'utf8')}${text}`);
  }

  function change(from: string, to: string): void {
    const file = join(repo.path, 'feature_store.yaml');
    const text = readFileSync(file, 'utf8');
    assert.ok(text.includes(from), from);
    writeFileSync(file, text.replace(from, to));
  }
});

interface RecordedAnswer {
  readonly id: string;
  readonly http: {
    readonly request: { readonly features: readonly string[]; readonly entities: Record<string, readonly unknown[]> };
    readonly response: { readonly metadata: unknown; readonly results: readonly { readonly values: unknown }[] };
  };
}

function recordedAnswer(id: string) {
  const line = readFileSync(goldenPath('sqlite', 'simple', 'answers.jsonl'), 'utf8')
    .split('\n')
    .find((text) => text.includes(`"id": "${id}"`) || text.includes(`"id":"${id}"`));
  const { request, response } = (JSON.parse(line ?? 'null') as RecordedAnswer).http;
  const entities = Object.entries(request.entities).flatMap(([name, values]) => [
    '--entity',
    `${name}=${values.join(',')}`,
  ]);
  return { args: ['--features', request.features.join(','), ...entities], response };
}
