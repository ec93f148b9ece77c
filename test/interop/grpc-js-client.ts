// A gRPC client that holds a server to what @grpc/grpc-js expects of one. It sends bytes as they are.
//
//   grpc-js-client check ADDRESS    runs every scenario; prints "ok NAME" or "failed NAME: WHY" for each
//   grpc-js-client load ADDRESS     calls until standard input ends; prints "calls N" and "error TEXT" lines
import assert from 'node:assert/strict';
import {
  type CallOptions,
  Client,
  type ClientOptions,
  compressionAlgorithms,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { patternOf } from '../support/echo-service.ts';

const LIMIT = 4 * 1024 * 1024;
const bytes = (buffer: Buffer) => buffer;
const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

const connect = (address: string, options: ClientOptions = {}): Client =>
  new Client(address, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    ...options,
  });

function call(
  client: Client,
  method: string,
  message: Buffer | string,
  options: CallOptions & { metadata?: Metadata; cancelAfterMs?: number } = {},
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const { metadata = new Metadata(), cancelAfterMs, ...rest } = options;
    const running = client.makeUnaryRequest(
      `/test.Echo/${method}`,
      bytes,
      bytes,
      Buffer.from(message),
      metadata,
      { deadline: Date.now() + 20_000, ...rest },
      (error, answer) => (error === null ? resolve(answer ?? Buffer.alloc(0)) : reject(error)),
    );
    if (cancelAfterMs !== undefined) setTimeout(() => running.cancel(), cancelAfterMs);
  });
}

async function echo(client: Client, method: string, message: Buffer | string): Promise<void> {
  const answer = await call(client, method, message);
  assert.ok(answer.equals(Buffer.from(message)), `${answer.length} bytes came back`);
}

async function large(client: Client, size: number): Promise<void> {
  assert.ok((await call(client, 'Large', String(size))).equals(patternOf(size)), 'another answer');
}

async function refused(answer: Promise<Buffer>, code: status): Promise<ServiceError> {
  const error: ServiceError = await answer.then(
    () => assert.fail('the call was answered'),
    (reason) => reason,
  );
  assert.equal(error.code, code, error.message);
  return error;
}

const times = (count: number, run: (at: number) => Promise<unknown>) =>
  Promise.all(Array.from({ length: count }, (_, at) => run(at)));

function metadataOf(count: number, size: number): Metadata {
  const metadata = new Metadata();
  for (let at = 0; at < count; at++) metadata.set(`x-large-${at}`, 'v'.repeat(size));
  return metadata;
}

const scenarios: Readonly<Record<string, (client: Client, address: string) => Promise<unknown>>> = {
  'many calls in turn': async (client) => {
    for (let i = 0; i < 1500; i++) await echo(client, 'Echo', String(i));
  },
  'many calls at a time': (client) => times(3000, (at) => echo(client, 'Later', String(at))),
  'an empty message': (client) => echo(client, 'Echo', ''),
  'a deadline that passes': async (client) => {
    const started = Date.now();
    await refused(call(client, 'Wait', '60000', { deadline: started + 200 }), status.DEADLINE_EXCEEDED);
    assert.ok(Date.now() - started < 2_000);
  },
  cancelling: (client) =>
    times(50, () => refused(call(client, 'Wait', '60000', { cancelAfterMs: 50 }), status.CANCELLED)),
  'a refusal': async (client) => {
    const error = await refused(call(client, 'Refuse', ''), status.NOT_FOUND);
    assert.equal(error.details, process.env.REFUSAL);
    assert.deepEqual(error.metadata.get('sideboard-code'), ['UNKNOWN_THING']);
  },
  'an unforeseen failure': async (client) => {
    const error = await refused(call(client, 'Break', ''), status.INTERNAL);
    assert.ok(!String(error).includes('hunter2'));
  },
  'an unknown method': (client) => refused(call(client, 'Nope', ''), status.UNIMPLEMENTED),
  'large answers': async (client) => {
    await large(client, 16 * 1024 * 1024);
    await times(12, (at) => large(client, 3 * 1024 * 1024 + at));
  },
  'a request at the limit': (client) => echo(client, 'Echo', patternOf(LIMIT)),
  'a request over the limit': async (client) => {
    await times(4, () => refused(call(client, 'Echo', Buffer.alloc(LIMIT + 1)), status.RESOURCE_EXHAUSTED));
    await echo(client, 'Echo', 'still here');
  },
  'compressed requests': async (client, address) => {
    for (const algorithm of [compressionAlgorithms.gzip, compressionAlgorithms.deflate]) {
      const packing = connect(address, { 'grpc.default_compression_algorithm': algorithm });
      await echo(packing, 'Echo', 'packed '.repeat(100_000));
      await refused(call(packing, 'Echo', Buffer.alloc(LIMIT + 1)), status.RESOURCE_EXHAUSTED);
      packing.close();
    }
    await echo(client, 'Echo', 'still here');
  },
  'large metadata': async (client) => {
    const neighbour = call(client, 'Wait', '300');
    await pause(50);
    await call(client, 'Echo', 'x', { metadata: metadataOf(1, 60_000) });
    await refused(call(client, 'Echo', 'x', { metadata: metadataOf(4, 25_000) }), status.RESOURCE_EXHAUSTED);
    await neighbour;
  },
};

async function check(address: string): Promise<void> {
  const client = connect(address);
  for (const [name, run] of Object.entries(scenarios)) {
    try {
      await run(client, address);
      console.log(`ok ${name}`);
    } catch (error) {
      console.log(`failed ${name}: ${JSON.stringify(String(error))}`);
    }
  }
  client.close();
}

async function load(address: string): Promise<void> {
  const client = connect(address);
  let stop = false;
  process.stdin.resume().on('end', () => {
    stop = true;
  });
  let calls = 0;
  await times(16, async (at) => {
    while (!stop) {
      const [method, message] = at % 4 === 0 ? ['Large', '300000'] : ['Wait', '2'];
      const metadata = new Metadata({ waitForReady: true });
      await call(client, method, message, { metadata }).catch((error) => console.log(`error ${error}`));
      calls++;
    }
  });
  console.log(`calls ${calls}`);
  client.close();
}

const [mode, address = ''] = process.argv.slice(2);
await (mode === 'load' ? load : check)(address);
