import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServiceError } from '@grpc/grpc-js';
import { Canaries } from '../support/canaries.ts';
import { type CliRunOptions, runCli } from '../support/cli-run.ts';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { int64, string } from '../support/feature-values.ts';
import { createSqliteRepo } from '../support/golden-repo.ts';
import {
  createOnlineFeaturesClient,
  type OnlineFeaturesClient,
  refusalOf,
  SERVING_METHOD,
} from '../support/online-features-client.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { pushRequest, writeRequest } from '../support/push-project.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { eventually, type ServingProgram, startServingWith } from '../support/serving-program.ts';
import { collect, startProgram } from '../support/sideboard-process.ts';
import { createWhoRepo } from '../support/who-store.ts';

const PUSH = '/GrpcFeatureServer/Push';
const WRITE = '/GrpcFeatureServer/WriteToOnlineStore';
const AT = '2026-06-01T00:00:00Z';

describe('secrets and feature values', function () {
  this.timeout(120_000);

  const canaries = new Canaries();
  const password = canaries.create("the store's password");
  const wrongPassword = canaries.create('a wrong password');
  const token = canaries.create('a token');
  const badToken = canaries.create('a token that is not known');
  const entity = canaries.create('an entity key');
  const value = canaries.create('a value');
  let redis: RedisServer;
  let collector: OtlpReceiver;
  let repo: FeatureRepo;
  let programs: ServingProgram[] = [];
  let clients: OnlineFeaturesClient[] = [];

  before(async () => {
    collector = await startOtlpReceiver();
    redis = await startRedisServer({ args: ['--requirepass', password], client: { password } });
  });

  after(async () => {
    await collector.close();
    await redis.remove();
  });

  beforeEach(() => {
    repo = createSqliteRepo('multiview', {
      online_store: { type: 'redis', connection_string: `127.0.0.1:${redis.port},password=$${'{CANARY_PASSWORD}'}` },
      sideboard: {
        auth: { tokens_file: 'tokens.txt' },
        readiness: { store: 'strict' },
        access_log: { enabled: true, sample_ratio: 1 },
        tracing: { enabled: true, endpoint: collector.endpoint, sample_ratio: 1 },
      },
    });
    writeFileSync(join(repo.path, 'tokens.txt'), `model:${token} roles=reader,writer\n`);
  });

  afterEach(async () => {
    for (const client of clients) client.close();
    for (const program of programs) await program.kill();
    [clients, programs] = [[], []];
    repo.remove();
  });

  async function serve(secret: string, ...args: readonly string[]): Promise<ServingProgram> {
    const env = { CANARY_PASSWORD: secret };
    const program = await startServingWith(env, repo.path, '--log-level', 'trace', '--verbose', ...args);
    programs.push(program);
    return program;
  }

  function clientOf(address: string, authorization?: string): OnlineFeaturesClient {
    const client = createOnlineFeaturesClient(address, {}, authorization === undefined ? {} : { authorization });
    clients.push(client);
    return client;
  }

  /** Takes all that a caller learns of a failure: status, message and every trailer. */
  async function refused(what: string, call: Promise<unknown>): Promise<string> {
    const failure = await call.then(
      () => undefined,
      (error: ServiceError) => error,
    );
    assert.ok(failure !== undefined, `${what} was answered`);
    canaries.see(
      `the refusal of ${what}`,
      `${failure.code} ${failure.details} ${JSON.stringify(failure.metadata.getMap())}`,
    );
    return String(failure.metadata.get('sideboard-code')[0] ?? failure.details);
  }

  async function pages(program: ServingProgram, when: string): Promise<void> {
    for (const path of ['/livez', '/readyz', '/metrics', '/nothing-here']) {
      canaries.see(`${path} ${when}`, (await program.page(path)).text);
    }
  }

  const profile = (key: string) => ({ features: ['customer_profile:name'], entities: { customer_id: [string(key)] } });

  it('come out of a serving process nowhere but in answers', async () => {
    const program = await serve(password);
    const address = await program.ready();
    const client = clientOf(address, `Bearer ${token}`);
    const row = {
      customer_id: string(entity),
      event_timestamp: string(AT),
      age: string('1'),
      score: string('1'),
      name: string(value),
    };
    await client.call(WRITE, writeRequest('customer_profile', { ...texts(row) }));
    const { columns } = await client.ask(profile(entity));
    assert.deepEqual(columns[1]?.values, [{ stringVal: value }]);

    const codes = [
      await refused('a call without a token', clientOf(address).ask(profile(entity))),
      await refused('a call with a bad token', clientOf(address, `Bearer ${badToken}`).ask(profile(entity))),
      await refused('a call with half a header', clientOf(address, badToken).ask(profile(entity))),
      await refused('no message', client.call(SERVING_METHOD, Buffer.from(`\x0a\x7f${entity}`))),
      await refused(
        'an entity of another type',
        client.ask({ features: ['location_stats:label'], entities: { location_id: [string(entity)] } }),
      ),
      await refused(
        'a value of another type',
        client.call(
          PUSH,
          pushRequest({
            streamFeatureView: 'live_push',
            features: { customer_id: entity, event_timestamp: AT, clicks: value },
          }),
        ),
      ),
      await refused(
        'a time that is none',
        client.call(
          PUSH,
          pushRequest({
            streamFeatureView: 'live_push',
            features: { customer_id: entity, event_timestamp: value, clicks: '1' },
          }),
        ),
      ),
    ];
    assert.deepEqual(codes.slice(0, 2), ['AUTH_TOKEN_MISSING', 'AUTH_TOKEN_INVALID']);
    await pages(program, 'of a process that serves');

    // Another program damages the row, and then puts something else under its key.
    const [key] = await redis.client.keysBuffer('*');
    assert.ok(key !== undefined);
    for (const field of await redis.client.hkeysBuffer(key)) await redis.client.hset(key, field, `\x12\x7f${value}`);
    await refused('a damaged row', client.ask(profile(entity)));
    await redis.client.set(key, value);
    assert.match(await refused('a key of another kind', client.ask(profile(entity))), /^STORE_/);
    await refused('a write to a key of another kind', client.call(WRITE, writeRequest('customer_profile', texts(row))));

    await redis.stop();
    assert.match(await refused('a read of a dead store', client.ask(profile(entity))), /^STORE_/);
    await refused('a write to a dead store', client.call(WRITE, writeRequest('customer_profile', texts(row))));
    await eventually(async () => (await program.readyz()).ready === false || undefined, program.output);
    await pages(program, 'without a store');
    await redis.start();
    program.child.kill('SIGTERM');
    await program.ended;
    canaries.see('the log of a process that serves', program.output());
    canaries.see('traces', collector.bytes().toString('latin1'));
    assert.ok(collector.spans.length > 5, `${collector.spans.length} spans`);
    assert.match(program.output(), /STORE_/, 'the log told of the failures');
  });

  it('do not come out of a process that the store refuses', async () => {
    const program = await serve(wrongPassword);
    await eventually(() => (/STORE_AUTH_FAILED/.test(program.output()) ? true : undefined), program.output);
    if (program.child.exitCode === null) await pages(program, 'with a wrong password').catch(() => {});
    program.child.kill('SIGTERM');
    await program.ended;
    canaries.see('the log of a process that the store refuses', program.output());
  });

  it('do not come out of commands, whatever goes wrong with the store or the rows', async () => {
    const bad = [
      { customer_id: entity, event_timestamp: AT, age: value, score: 1, name: value },
      { customer_id: entity, event_timestamp: value, age: 1, score: 1, name: value },
    ].map((each) => JSON.stringify(each));
    const broken = `{"customer_id": "${entity}", "name": ${value}`;
    for (const [index, text] of [...bad, broken].entries())
      writeFileSync(join(repo.path, `rows${index}.jsonl`), `${text}\n`);
    writeFileSync(join(repo.path, 'rows.csv'), `customer_id,event_timestamp,age\n${entity},"${value}`);
    for (const secret of [password, wrongPassword]) {
      await command(secret, ['doctor']);
      await command(secret, ['inspect']);
      await command(secret, ['inspect', 'customer_profile']);
      await command(secret, ['get', '--features', 'customer_profile:age', '--entity', 'customer_id=nobody']);
      await command(secret, ['apply', '--dry-run']);
      await command(secret, ['definitions']);
      await command(secret, ['materialize', '2026-01-01', '2026-02-01']);
      for (const file of ['rows0.jsonl', 'rows1.jsonl', 'rows2.jsonl', 'rows.csv']) {
        await command(secret, ['write', 'customer_profile', join(repo.path, file)]);
      }
      await command(secret, ['ingest', 'customer_profile'], { input: [...bad, broken].join('\n') });
    }
    await redis.stop();
    for (const args of [['doctor'], ['get', '--features', 'customer_profile:age', '--entity', 'customer_id=nobody']]) {
      await command(password, args);
    }
    // What libraries print by themselves, too: in a process of its own.
    const doctor = startProgram(['doctor', '--repo', repo.path, '--verbose'], { CANARY_PASSWORD: password });
    const { stdout, stderr } = collect(doctor);
    await once(doctor, 'close');
    canaries.see('what doctor prints as a process', stdout() + stderr());
    assert.match(stdout() + stderr(), /STORE_/);
    await redis.start();
  });

  it('do not come out of configurations that are wrong', async () => {
    const ref = (name: string) => `$${`{${name}}`}`;
    for (const text of [
      `online_store: {type: redis, connection_string: "127.0.0.1:1,password=${password},db=x"}`,
      `online_store: {type: redis, connection_string: "127.0.0.1:1,pasword=${password}"}`,
      `online_store: {type: redis, connection_string: ["${password}"]}`,
      `online_store: {type: redis, conection_string: "${password}"}`,
      `online_store: {type: redis, connection_string: "127.0.0.1:1,password=${password}`,
      `online_store: {type: redis, connection_string: "redis://:${password}@127.0.0.1:1"}`,
      `online_store: {type: redis, connection_string: "${ref('CANARY_LINES')}"}`,
      `online_store: {type: redis, password: ${ref('CANARY_LINES')}}`,
      `online_store: {type: mysql, host: 127.0.0.1, port: 1, user: u, password: "${password}"}`,
      `online_store: {type: postgres, host: 127.0.0.1, port: 1, user: u, password: "${password}", database: d}`,
      `online_store: {type: mysql, host: 127.0.0.1, port: "${ref('CANARY_LINES')}", user: u, password: 5}`,
      `online_store: "${ref('CANARY_LINES')}"`,
      `online_store: {type: sqlite}\nregistry: {registry_type: sql, path: "postgresql+psycopg://u:${password}@127.0.0.1:1/db"}`,
      `online_store: {type: sqlite}\nregistry: {registry_type: sql, path: "mysql://u:${password}@127.0.0.1:1/db?x=${token}"}`,
      `online_store: {type: sqlite}\nregistry: {registry_type: sql, path: "oracle://u:${password}@127.0.0.1/db"}`,
      `online_store: {type: sqlite}\nregistry: "http://u:${password}@127.0.0.1:1/registry.db?sig=${token}"`,
      `online_store: {type: sqlite}\nregistry: "s3://u:${password}@bucket/registry.db"`,
      `online_store: {type: sqlite}\nregistry: {registry_type: remote, path: "127.0.0.1:1"}\nauth: {type: oidc, token: "${token}", client_secret: [${password}]}`,
      `online_store: {type: sqlite}\nsideboard: {auth: {tokens: "${token}"}, grpc: {adress: "${password}"}}`,
    ]) {
      const registry = text.includes('\nregistry') ? '' : '\nregistry: data/registry.db';
      writeFileSync(join(repo.path, 'feature_store.yaml'), `project: shop\nprovider: local\n${text}${registry}\n`);
      for (const name of ['doctor', 'inspect', 'get']) {
        const args =
          name === 'get' ? ['get', '--features', 'customer_profile:age', '--entity', 'customer_id=x'] : [name];
        await command(`a\nb: ${password}`, args, {}, text.replaceAll(password, '…').replaceAll(token, '…'));
      }
    }
  });

  it('were looked for where there was something to see, and none was found', () => {
    assert.ok(canaries.characters > 50_000, `${canaries.characters} characters`);
    assert.deepEqual(canaries.findings(), []);
  });

  it('are found where a store lets them out: the search can fail', async () => {
    const loose = new Canaries();
    const secret = loose.create('a password');
    repo.remove();
    repo = createWhoRepo();
    const file = join(repo.path, 'who.mjs');
    const throwing = "async onlineRead() { throw new Error('AUTH ' + process.env.CANARY_PASSWORD);";
    writeFileSync(file, readFileSync(file, 'utf8').replace('async onlineRead(table, keys) {', throwing));
    const program = await serve(secret);
    const client = clientOf(await program.ready());
    const refusal = await refusalOf(
      client.ask({ features: ['driver_hourly_stats:city'], entities: { driver_id: [int64(1)] } }),
    );
    loose.see('the refusal', refusal.message);
    assert.deepEqual(loose.findings(), [], 'a caller learns nothing, whatever a store says');
    loose.see('the log', program.output());
    assert.equal(loose.findings().length, 1, program.output());
    for (const form of [Buffer.from(`x${secret}y`).toString('base64'), Buffer.from(`u:${secret}`).toString('hex')]) {
      loose.see('another form', `{"connection":"${form}"}`);
    }
    assert.equal(loose.findings().length, 3);
  });

  /** Runs a command, and takes what it prints; `get` and `ingest` are asked for nothing that holds a value. */
  async function command(
    secret: string,
    args: readonly string[],
    options: CliRunOptions = {},
    what = '',
  ): Promise<void> {
    const env = { CANARY_PASSWORD: secret, CANARY_LINES: secret };
    const { stdout, stderr } = await runCli([...args, '--repo', repo.path, '--verbose'], { ...options, env });
    canaries.see(`what ${args[0]} prints ${what}`, stdout + stderr);
  }
});

/** A row of texts, as `features` of a request hold it. */
function texts(row: Readonly<Record<string, ReturnType<typeof string>>>): Record<string, string> {
  return Object.fromEntries(Object.entries(row).map(([name, { val }]) => [name, String(val.value)]));
}
