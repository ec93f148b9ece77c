import assert from 'node:assert/strict';
import { RegistryError } from '../../src/registry/registry-error.ts';
import { parseSqlAlchemyUrl, type SqlAlchemyUrl, shownUrl } from '../../src/registry/sql/sqlalchemy-url.ts';

const parse = (url: string): SqlAlchemyUrl => parseSqlAlchemyUrl(url, 'registry.path');

describe('a database URL as SQLAlchemy reads it', () => {
  const cases: Readonly<Record<string, Partial<SqlAlchemyUrl>>> = {
    'postgresql://postgres:mysecretpassword@127.0.0.1:55001/feast': {
      dialect: 'postgresql',
      user: 'postgres',
      password: 'mysecretpassword',
      host: '127.0.0.1',
      port: 55_001,
      database: 'feast',
    },
    'postgresql+psycopg://u@h/db': { dialect: 'postgresql', user: 'u', password: undefined, port: undefined },
    'postgresql+psycopg2://u:p:q/r?@h/db': { password: 'p:q/r?' },
    'postgres://h': { dialect: 'postgresql', user: undefined, host: 'h', database: '' },
    'mysql+pymysql://feast:p%40ss%2Fw%3Ard%25@db:3307/feast?charset=utf8mb4': {
      dialect: 'mysql',
      password: 'p@ss/w:rd%',
      port: 3307,
      query: new Map([['charset', 'utf8mb4']]),
    },
    'mariadb+mariadbconnector://u:@h/db': { dialect: 'mysql', password: '' },
    'postgresql://u:p@[2001:db8::1]:5432/db': { host: '2001:db8::1', port: 5432 },
    'postgresql:///db?host=/var/run/postgresql&sslmode=require': {
      host: undefined,
      database: 'db',
      query: new Map([
        ['host', '/var/run/postgresql'],
        ['sslmode', 'require'],
      ]),
    },
    'sqlite:///data/registry.db': { dialect: 'sqlite', database: 'data/registry.db' },
    'sqlite:////var/lib/registry.db': { database: '/var/lib/registry.db' },
    'sqlite+pysqlite:///file:registry.db?mode=ro&uri=true': { database: 'registry.db' },
  };
  for (const [url, expected] of Object.entries(cases)) {
    it(`takes ${url} apart`, () => {
      const parsed = parse(url);
      assert.deepEqual(parsed, { ...parsed, ...expected });
    });
  }

  it('is shown without user, password and query', () => {
    assert.equal(shownUrl(parse('mysql+pymysql://u:secret@db:3307/feast?ssl_key=x')), 'mysql://db:3307/feast');
    assert.equal(shownUrl(parse('postgresql:///db?host=/run/pg')), 'postgresql:///run/pg/db');
  });

  it('is refused without being shown where it is none', () => {
    const urls = [
      'secret',
      'oracle://u:secret@h/db',
      'sqlite://',
      'sqlite:///:memory:',
      'postgresql://u:secret%@h/db',
      'postgresql://u:secret@h:port/db',
      '//u:secret@h',
    ];
    for (const url of urls) {
      assert.throws(
        () => parse(url),
        (error) => {
          assert.ok(error instanceof RegistryError, url);
          assert.equal(error.code, 'REGISTRY_SETTINGS_INVALID');
          assert.match(error.message, /^The URL in registry\.path /);
          return !error.describe().includes('secret');
        },
      );
    }
  });
});
