import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Metadata, Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { OnlineReadRequestSchema, OnlineReadResponseSchema } from '../../../gen/feast/serving/Connector_pb.ts';
import {
  ConnectorOnlineStore,
  ConnectorOnlineStoreConfig,
  ConnectorOnlineStoreSettings,
} from '../../../src/stores/connector/connector-online-store.ts';
import type { OnlineStore } from '../../../src/stores/online-store.ts';
import type { StoreErrorCode } from '../../../src/stores/store-error.ts';
import { int64 } from '../../support/feature-values.ts';
import { tableWith } from '../../support/golden-stores.ts';
import { countOpenResources } from '../../support/open-resources.ts';
import { projectRoot } from '../../support/project-root.ts';
import { createCertificates } from '../../support/redis-topologies.ts';
import { driverKey, int64Bytes, storeErrorOf } from '../../support/store-rows.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

const table = tableWith('p', 'stats', ['driver_id'], ['trips', 'rate']);
const PATH = '/grpc.connector.OnlineStore/OnlineRead';
const SECRET = 'password of the other process';

type Handler = (call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) => void;

/** A store process whose every answer the test decides: a server of another library than `sideboard connector`. */
class OtherProcess {
  readonly calls: ServerUnaryCall<Buffer, Buffer>[] = [];
  handler: Handler = (_call, reply) => reply(null, Buffer.alloc(0));
  port = 0;
  #server: Server | undefined;

  async start(credentials = ServerCredentials.createInsecure()): Promise<void> {
    const bytes = (message: Buffer): Buffer => message;
    const server = new Server();
    server.addService(
      {
        read: {
          path: PATH,
          requestStream: false,
          responseStream: false,
          requestSerialize: bytes,
          requestDeserialize: bytes,
          responseSerialize: bytes,
          responseDeserialize: bytes,
        },
      },
      {
        read: (call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) => {
          this.calls.push(call);
          this.handler(call, reply);
        },
      },
    );
    this.port = await new Promise((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${this.port}`, credentials, (error, port) => (error ? reject(error) : resolve(port)));
    });
    this.#server = server;
  }

  stop(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
  }
}

function open(config: object, settings: object = {}, repoPath = '/'): ConnectorOnlineStore {
  const context = { project: 'p', repoPath, warn: () => {} };
  const parsed = ConnectorOnlineStoreSettings.parse(settings);
  return new ConnectorOnlineStore(ConnectorOnlineStoreConfig.parse(config), context, parsed);
}

describe('the connector store', () => {
  let other: OtherProcess;
  let store: OnlineStore;

  beforeEach(async () => {
    other = new OtherProcess();
    await other.start();
    store = open({ address: `127.0.0.1:${other.port}` });
  });

  afterEach(async () => {
    await store.close();
    other.stop();
  });

  const answers = (bytes: Uint8Array): void => {
    other.handler = (_call, reply) => reply(null, Buffer.from(bytes));
  };

  it('asks with the messages of the protocol, in parts of max_entities_per_call', async () => {
    await store.close();
    store = open({ address: `127.0.0.1:${other.port}` }, { max_entities_per_call: 2 });
    other.handler = ({ request }, reply) => {
      const one = request.includes(
        Buffer.from(toBinary(OnlineReadRequestSchema, create(OnlineReadRequestSchema, { entityKeys: [driverKey(3)] }))),
      );
      const results = Array.from({ length: one ? 1 : 2 }, () => ({ featureList: [] }));
      reply(null, Buffer.from(toBinary(OnlineReadResponseSchema, create(OnlineReadResponseSchema, { results }))));
    };
    const keys = [1, 2, 3].map(driverKey);
    assert.deepEqual(await store.onlineRead(table, keys, ['rate']), [undefined, undefined, undefined]);
    const expected = [keys.slice(0, 2), keys.slice(2)].map((entityKeys) => {
      const request = create(OnlineReadRequestSchema, { view: 'stats', entityKeys, features: ['rate'] });
      return Buffer.from(toBinary(OnlineReadRequestSchema, request)).toString('hex');
    });
    assert.deepEqual(other.calls.map(({ request }) => request.toString('hex')).sort(), expected.sort());
  });

  it('takes a value that is not set for a null, the newest time for that of the row, and leaves out what it did not ask for', async () => {
    const feature = (name: string, seconds: bigint, value?: number) => ({
      reference: { featureViewName: 'whatever', featureName: name },
      timestamp: { seconds, nanos: 5 },
      ...(value !== undefined && { value: int64(value) }),
    });
    const featureList = [feature('rate', 10n), feature('trips', 20n, 7), feature('other', 3n, 1)];
    const message = create(OnlineReadResponseSchema, { results: [{ featureList }] });
    answers(toBinary(OnlineReadResponseSchema, message));
    const [row] = await store.onlineRead(table, [driverKey(1)], ['rate', 'trips']);
    assert.deepEqual(row?.eventTimestamp, { seconds: 20, nanos: 5 });
    assert.deepEqual(
      [...(row?.values ?? [])].map(([name, value]) => [name, Buffer.from(value).toString('hex')]),
      [
        ['rate', ''],
        ['trips', Buffer.from(int64Bytes(7)).toString('hex')],
      ],
    );
  });

  const damaged: readonly (readonly [string, Uint8Array])[] = [
    ['bytes that are not a message', Buffer.from('0affff', 'hex')],
    ['fewer results than keys', Buffer.alloc(0)],
    ['more results than keys', Buffer.from('0a000a00', 'hex')],
    [
      'a value that is of no feature',
      toBinary(
        OnlineReadResponseSchema,
        create(OnlineReadResponseSchema, { results: [{ featureList: [{ value: int64(1) }] }] }),
      ),
    ],
  ];

  for (const [what, bytes] of damaged) {
    it(`refuses ${what}: it never takes them for missing rows`, async () => {
      answers(bytes);
      await storeErrorOf(store.onlineRead(table, [driverKey(1)]), 'STORE_CORRUPT');
    });
  }

  const statuses: readonly (readonly [number, StoreErrorCode])[] = [
    [1, 'STORE_UNAVAILABLE'],
    [2, 'STORE_FAILED'],
    [3, 'STORE_INVALID_ROW'],
    [4, 'STORE_TIMEOUT'],
    [5, 'STORE_TABLE_MISSING'],
    [7, 'STORE_PERMISSION_DENIED'],
    [8, 'STORE_OVERLOADED'],
    [9, 'STORE_FAILED'],
    [12, 'STORE_UNSUPPORTED'],
    [13, 'STORE_FAILED'],
    [14, 'STORE_UNAVAILABLE'],
    [15, 'STORE_CORRUPT'],
    [16, 'STORE_AUTH_FAILED'],
  ];

  for (const [code, expected] of statuses) {
    it(`gives the status ${code} of the store process the code ${expected}, and keeps its words to the log`, async () => {
      other.handler = (_call, reply) => reply({ code, details: SECRET });
      const error = await storeErrorOf(store.onlineRead(table, [driverKey(1)]), expected);
      assert.doesNotMatch(error.describe(), new RegExp(SECRET));
      assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${other.port}`));
      assert.match(String(error.cause), new RegExp(SECRET));
    });
  }

  it('keeps the code of a failure that another Sideboard reports', async () => {
    const metadata = new Metadata();
    metadata.set('sideboard-code', 'STORE_WRONG_LAYOUT');
    other.handler = (_call, reply) => reply({ code: 9, details: SECRET, metadata });
    await storeErrorOf(store.onlineRead(table, [driverKey(1)]), 'STORE_WRONG_LAYOUT');
    await storeErrorOf(store.ping(), 'STORE_WRONG_LAYOUT');
  });

  it('takes any answer but a refusal for a ping that succeeded', async () => {
    await store.ping();
    for (const code of [2, 3, 5]) {
      other.handler = (_call, reply) => reply({ code });
      await store.ping();
    }
    for (const [code, expected] of [
      [12, 'STORE_UNSUPPORTED'],
      [16, 'STORE_AUTH_FAILED'],
    ] as const) {
      other.handler = (_call, reply) => reply({ code });
      await storeErrorOf(store.ping(), expected);
    }
  });

  it('ends a call with its deadline or its caller, at the other end too', async () => {
    other.handler = () => {};
    const before = Date.now();
    await storeErrorOf(store.onlineRead(table, [driverKey(1)], undefined, { deadline: before + 60 }), 'STORE_TIMEOUT');
    assert.ok(Date.now() - before < 1500);
    const controller = new AbortController();
    const read = store.onlineRead(table, [driverKey(1)], undefined, { signal: controller.signal });
    while (other.calls.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort();
    await storeErrorOf(read, 'STORE_TIMEOUT');
    const [, second] = other.calls;
    while (second?.cancelled !== true) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it('gives up a call without a deadline after call_timeout_ms', async () => {
    await store.close();
    store = open({ address: `127.0.0.1:${other.port}` }, { call_timeout_ms: 50 });
    other.handler = () => {};
    await storeErrorOf(store.onlineRead(table, [driverKey(1)]), 'STORE_TIMEOUT');
  });

  it('fails while the store process is down, and reads within two seconds of its return', async () => {
    answers(Buffer.from('0a00', 'hex'));
    assert.deepEqual(await store.onlineRead(table, [driverKey(1)]), [undefined]);
    other.stop();
    for (let time = 0; time < 3; time++) {
      await storeErrorOf(store.onlineRead(table, [driverKey(1)]), 'STORE_UNAVAILABLE');
    }
    await other.start();
    const back = Date.now();
    for (;;) {
      const read = await store.onlineRead(table, [driverKey(1)]).catch(() => 'down');
      if (read !== 'down') break;
      assert.ok(Date.now() - back < 2000, 'still down after two seconds');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });

  it('leaves nothing open when it is closed', async () => {
    const before = countOpenResources();
    const another = open({ address: `127.0.0.1:${other.port}` });
    answers(Buffer.from('0a00', 'hex'));
    await another.onlineRead(table, [driverKey(1)]);
    await another.close();
    const giveUp = Date.now() + 5000;
    while (countOpenResources().sockets > before.sockets) {
      assert.ok(Date.now() < giveUp, 'a connection is still open');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });

  it('refuses what the protocol does not have: other projects, older keys', async () => {
    await storeErrorOf(store.onlineRead({ ...table, project: 'q' }, [driverKey(1)]), 'STORE_UNSUPPORTED');
    const older = store.onlineRead(table, [driverKey(1)], undefined, { entityKeyVersion: 2 });
    await storeErrorOf(older, 'STORE_UNSUPPORTED');
    assert.equal(other.calls.length, 0);
  });
});

describe('docs/reference/stores/connector.md', () => {
  it('shows an answer as it is on the wire', () => {
    const page = readFileSync(join(projectRoot, 'docs/reference/stores/connector.md'), 'utf8');
    const [, block = ''] = /^```\n(0a[0-9a-f\s]+?)^```$/m.exec(page) ?? [];
    const { results } = fromBinary(OnlineReadResponseSchema, Buffer.from(block.replaceAll(/\s/g, ''), 'hex'));
    const [first, second, ...more] = results;
    const [feature] = first?.featureList ?? [];
    assert.deepEqual([first?.featureList.length, second?.featureList.length, more.length], [1, 0, 0]);
    assert.equal(feature?.reference?.featureViewName, 'driver_profile');
    assert.equal(feature.reference.featureName, 'seats');
    assert.equal(feature.timestamp?.seconds, BigInt(Date.UTC(2026, 0, 10, 8) / 1000));
    assert.deepEqual(feature.value?.val, { case: 'int32Val', value: 1 });
  });
});

describe('the connector store over TLS', () => {
  const folder = useTempFolder();
  let other: OtherProcess;

  beforeEach(async () => {
    const { ca, cert, key } = createCertificates(folder());
    const pair = { cert_chain: readFileSync(cert), private_key: readFileSync(key) };
    other = new OtherProcess();
    other.handler = (_call, reply) => reply(null, Buffer.from('0a00', 'hex'));
    await other.start(ServerCredentials.createSsl(readFileSync(ca), [pair], true));
  });

  afterEach(() => other.stop());

  const read = async (config: object): Promise<readonly unknown[]> => {
    const store = open({ address: `127.0.0.1:${other.port}`, ...config }, {}, folder());
    try {
      return await store.onlineRead(table, [driverKey(1)], undefined, { deadline: Date.now() + 5000 });
    } finally {
      await store.close();
    }
  };
  const own = { client_cert: 'server.pem', client_key: 'server.key' };

  it("checks the server's certificate and shows its own", async () => {
    assert.deepEqual(await read({ tls: true, ca_cert: 'ca.pem', ...own }), [undefined]);
    assert.deepEqual(await read({ tls: true, ca_cert: join(folder(), 'ca.pem'), ...own }), [undefined]);
  });

  it('refuses an authority that it does not trust, another name, no certificate of its own, and no TLS', async () => {
    for (const config of [
      { tls: true, ...own },
      { tls: true, ca_cert: 'ca.pem', server_name: 'elsewhere.internal', ...own },
      { tls: true, ca_cert: 'ca.pem' },
      { tls: false },
    ]) {
      await storeErrorOf(read(config), 'STORE_UNAVAILABLE');
    }
  });

  it('names the file that cannot be read', async () => {
    const error = await storeErrorOf(read({ tls: true, ca_cert: 'none.pem' }), 'STORE_UNAVAILABLE');
    assert.match(error.message, /ca_cert.*none\.pem/);
  });
});

describe("the connector's configuration", () => {
  it('takes addresses with a port, and sockets', () => {
    for (const address of ['store:50061', '10.0.0.1:1', '[::1]:65535', 'unix:/run/store.sock', 'unix:run/store.sock']) {
      assert.equal(ConnectorOnlineStoreConfig.parse({ address }).address, address);
    }
    for (const address of ['', 'store', 'store:0', 'store:65536', 'http://store:1', '::1:1', 'unix:', 'a b:1']) {
      assert.equal(ConnectorOnlineStoreConfig.safeParse({ address }).success, false, address);
    }
  });

  it('refuses certificates without TLS, and halves of a pair', () => {
    for (const config of [
      { ca_cert: 'a' },
      { server_name: 'a' },
      { tls: true, client_cert: 'a' },
      { tls: true, client_key: 'a' },
    ]) {
      assert.equal(ConnectorOnlineStoreConfig.safeParse({ address: 'a:1', ...config }).success, false);
    }
  });
});
