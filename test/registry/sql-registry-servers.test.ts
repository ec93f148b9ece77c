import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import type { RegistrySource } from '../../src/registry/registry-source.ts';
import { createSqlRegistrySourceFromUrl } from '../../src/registry/sql/sql-registry-from-url.ts';
import {
  type FeastRegistryFiles,
  feastProject,
  type RegistryStep,
  writeFeastRegistries,
} from '../support/feast-registries.ts';
import { requireFeast } from '../support/feast-session.ts';
import { viewsOfDocumentedFile } from '../support/inspected-registry.ts';
import { type MysqlServer, sharedMysqlServer } from '../support/mysql-server.ts';
import { type PostgresServer, sharedPostgresServer, startPostgresServer } from '../support/postgres-server.ts';
import { hasRegistryCode, testRegistrySource } from '../support/registry-source-suite.ts';
import { runProgram } from '../support/server-process.ts';
import { openSqliteFile } from '../support/sqlite-registry.ts';

/** A database server on which Feast has written registries into the schemas `first`, `changed` and `live`. */
interface Database {
  readonly port: number;
  /** Runs statements, one by one, where names without a schema are those of `live`. */
  run(...statements: string[]): Promise<void>;
  /** The URL of a schema, as SQLAlchemy reads it. */
  url(schema: string, options?: { port?: number; account?: string; database?: string }): string;
  /** Makes a user who may connect and read nothing. */
  createUser(name: string, password: string): Promise<void>;
}

const steps = ['first', 'changed'] as const;
const tables = [
  'projects',
  'entities',
  'data_sources',
  'feature_views',
  'stream_feature_views',
  'on_demand_feature_views',
  'label_views',
  'feature_services',
  'feature_view_version_history',
  'feast_metadata',
];

async function onPostgres(server: PostgresServer): Promise<Database> {
  await server.createDatabase('registries');
  for (const schema of [...steps, 'live']) await server.query(`CREATE SCHEMA ${schema}`, 'registries');
  return {
    port: server.port,
    async run(...statements) {
      await server.query(['SET search_path TO live', ...statements].join('; '), 'registries');
    },
    url: (schema, { port = server.port, account = 'postgres:postgres', database = 'registries' } = {}) =>
      `postgresql+psycopg://${account}@127.0.0.1:${port}/${database}?options=-csearch_path%3D${schema}`,
    createUser: async (name, password) => {
      await server.query(
        `CREATE USER ${name} PASSWORD '${password}'; GRANT USAGE ON SCHEMA live TO ${name}`,
        'registries',
      );
    },
  };
}

async function onMysql(server: MysqlServer): Promise<Database> {
  for (const schema of [...steps, 'live']) await server.createDatabase(schema);
  return {
    port: server.port,
    async run(...statements) {
      for (const statement of statements) await server.query(statement, 'live');
    },
    url: (schema, { port = server.port, account = 'root:root', database = schema } = {}) =>
      `mysql+pymysql://${account}@127.0.0.1:${port}/${database}`,
    createUser: async (name, password) => {
      await server.query(`CREATE USER ${name}@'%' IDENTIFIED BY '${password}'`);
    },
  };
}

describe('a SQL registry on a server', function () {
  this.timeout(300_000);
  const postgres = sharedPostgresServer;
  const mysql = sharedMysqlServer;
  const databases = new Map<string, Database>();
  let files: FeastRegistryFiles;

  before(async function () {
    await requireFeast(this);
    databases.set('PostgreSQL', await onPostgres(await postgres()));
    databases.set('MariaDB', await onMysql(await mysql()));
    const registries = [...databases.values()].flatMap((database) =>
      (['first', 'changed', 'live'] as const).map((schema) => ({
        registry: { registry_type: 'sql', path: database.url(schema) },
        steps: schema === 'changed' ? steps : (['first'] as const),
      })),
    );
    files = await writeFeastRegistries(registries);
  });

  for (const kind of ['PostgreSQL', 'MariaDB']) {
    describe(`of ${kind}`, () => {
      let database: Database;
      let removed = false;

      before(() => {
        const found = databases.get(kind);
        assert.ok(found !== undefined);
        database = found;
      });

      const source = (url: string): RegistrySource =>
        createSqlRegistrySourceFromUrl({
          url,
          setting: 'registry.path',
          repoPath: '/',
          project: feastProject,
          maxBytes: 2 ** 20,
          openSqliteFile,
          settleMs: 0,
        });

      async function publish(what: RegistryStep | 'damaged'): Promise<void> {
        if (removed) await database.run('ALTER TABLE entities_gone RENAME TO entities');
        removed = false;
        if (what === 'damaged') {
          await database.run('UPDATE feature_views SET feature_view_proto = SUBSTRING(feature_view_proto, 1, 20)');
          return;
        }
        for (const table of tables) {
          await database.run(`DELETE FROM ${table}`, `INSERT INTO ${table} SELECT * FROM ${what}.${table}`);
        }
      }

      testRegistrySource({
        project: feastProject,
        expected: () => files.expected,
        server: () => ({
          port: database.port,
          source: (port) => source(database.url('live', { port })),
          publish,
          async remove() {
            await database.run('ALTER TABLE entities RENAME TO entities_gone');
            removed = true;
          },
        }),
      });

      it('starts a project whose file is written as in the documentation of Feast', async () => {
        const lines = [
          'registry:',
          '  registry_type: sql',
          `  path: ${database.url('first')}`,
          '  cache_ttl_seconds: 60',
        ];
        const arguments_ = ['  sqlalchemy_config_kwargs:', '    echo: false', '    pool_pre_ping: true'];
        const views = await viewsOfDocumentedFile(feastProject, [...lines, ...arguments_]);
        assert.deepEqual(views, ['driver_stats', 'ride_stats']);
      });

      it('says so when user or password are wrong, and shows neither', async () => {
        const refused = source(database.url('live', { account: 'nobody:s3cr%40t' }));
        await assert.rejects(refused.load(), (error) => {
          assert.ok(error instanceof Error);
          const shown = `${JSON.stringify(error)} ${error.stack} ${String(error.cause)}`;
          assert.ok(!/s3cr/.test(shown), shown);
          return hasRegistryCode('REGISTRY_ACCESS_DENIED', /refused the user or the password/)(error);
        });
      });

      it('says what to grant when the user may not read', async () => {
        await database.createUser('reader', 'reader');
        const asReader = source(database.url('live', { account: 'reader:reader' }));
        await assert.rejects(asReader.load(), hasRegistryCode('REGISTRY_ACCESS_DENIED', /GRANT SELECT ON/));
      });

      it('tells a database that is missing, and one without a registry', async () => {
        const missing = source(database.url('none', { database: 'no_such_database' }));
        await assert.rejects(missing.load(), hasRegistryCode('REGISTRY_NOT_FOUND', /\/no_such_database/));
        const system = kind === 'MariaDB' ? 'mysql' : 'postgres';
        const empty = source(database.url('none', { database: system }));
        await assert.rejects(empty.load(), hasRegistryCode('REGISTRY_NOT_FOUND', /no table of a registry/));
      });
    });
  }

  it('keeps to sslmode when the server has no TLS', async () => {
    const database = databases.get('PostgreSQL');
    assert.ok(database !== undefined);
    for (const [mode, code] of [
      ['require', 'REGISTRY_UNREADABLE'],
      ['disable', undefined],
    ] as const) {
      const from = createSqlRegistrySourceFromUrl({
        url: database.url('first'),
        setting: 'registry.path',
        connectArgs: { sslmode: mode },
        repoPath: '/',
        project: feastProject,
        maxBytes: 2 ** 20,
        openSqliteFile,
      });
      if (code === undefined) assert.ok((await from.load()) !== 'unchanged');
      else await assert.rejects(from.load(), hasRegistryCode(code));
    }
  });

  it('verifies the certificate of PostgreSQL as sslmode says', async () => {
    let folder = '';
    const openssl = (place: string): void => {
      folder = place;
      const pem = (name: string): string => join(place, name);
      runProgram(
        'openssl',
        [
          ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=other.example'],
          ...['-addext', 'subjectAltName=DNS:other.example', '-keyout', pem('key.pem'), '-out', pem('cert.pem')],
        ],
        undefined,
      );
      chmodSync(pem('key.pem'), 0o600);
    };
    const settings = ['ssl = on', "ssl_cert_file = '../cert.pem'", "ssl_key_file = '../key.pem'"];
    const server = await startPostgresServer({ prepare: openssl, settings });
    try {
      const load = (connectArgs: object) =>
        createSqlRegistrySourceFromUrl({
          url: `postgresql://postgres:postgres@127.0.0.1:${server.port}/postgres`,
          setting: 'registry.path',
          connectArgs: { ...connectArgs },
          repoPath: '/',
          project: feastProject,
          maxBytes: 2 ** 20,
          openSqliteFile,
        }).load();
      // Whoever gets as far as the tables has been let through: there is no registry in this database.
      const through = hasRegistryCode('REGISTRY_NOT_FOUND', /no table of a registry/);
      const refused = hasRegistryCode('REGISTRY_UNREADABLE', /CERT|certificate|ALTNAME/i);
      const sslrootcert = join(folder, 'cert.pem');
      await assert.rejects(load({}), through);
      await assert.rejects(load({ sslmode: 'require' }), through);
      await assert.rejects(load({ sslmode: 'verify-ca' }), refused);
      await assert.rejects(load({ sslmode: 'verify-ca', sslrootcert }), through);
      await assert.rejects(load({ sslmode: 'verify-full', sslrootcert }), refused);
    } finally {
      await server.remove();
    }
  });
});
