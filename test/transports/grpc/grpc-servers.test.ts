import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { SideboardError } from '../../../src/errors.ts';
import { CODE_TRAILER } from '../../../src/transports/grpc/grpc-status.ts';
import type { GrpcServer, GrpcServerOptions, ServiceTable } from '../../../src/transports/grpc/service-table.ts';
import { grpcServers } from '../../../src/transports/grpc/start-grpc-server.ts';

const failures: unknown[] = [];
let callerLeft = Promise.resolve();

const methods: ServiceTable = [
  { path: '/test.Echo/Echo', handle: (message) => message },
  {
    path: '/test.Echo/Refuse',
    handle: () => {
      throw new SideboardError('UNKNOWN_THING', 'not_found', 'There is no "ü".', { hint: 'Known: none.' });
    },
  },
  { path: '/test.Echo/Break', handle: () => Promise.reject(new Error('password=hunter2')) },
  {
    path: '/test.Echo/Wait',
    handle: (_, call) => {
      let left = () => {};
      callerLeft = new Promise((resolve) => {
        left = resolve;
      });
      return new Promise((resolve) => {
        call.signal?.addEventListener('abort', () => left());
        setTimeout(() => resolve(new Uint8Array()), 300);
      });
    },
  },
  {
    path: '/test.Echo/Deadline',
    handle: (_, call) => Buffer.from(String(Math.round((call.deadline ?? 0) - Date.now()))),
  },
  { path: '/test.Echo/Whose', handle: (_, call) => Buffer.from(call.deadlineIsOurs === true ? 'ours' : 'theirs') },
];

const options: GrpcServerOptions = {
  address: '127.0.0.1:0',
  maxMessageBytes: 1000,
  maxConcurrentStreams: 100,
  defaultDeadlineMs: 5_000,
  maxDeadlineMs: 60_000,
  streamIdleMs: 60_000,
  onFailure: (error) => failures.push(error),
};

interface Outcome {
  readonly reply: Buffer | undefined;
  readonly error: ServiceError | null;
}

function call(client: Client, method: string, message: Buffer, deadline?: number): Promise<Outcome> {
  const bytes = (buffer: Buffer) => buffer;
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      `/test.Echo/${method}`,
      bytes,
      bytes,
      message,
      deadline === undefined ? {} : { deadline: Date.now() + deadline },
      (error, reply) => resolve({ error, reply }),
    );
  });
}

for (const [name, start] of Object.entries(grpcServers)) {
  describe(`the ${name} server`, () => {
    describe('calls', () => {
      let server: GrpcServer;
      let client: Client;

      before(async () => {
        server = await start(methods, options);
        client = new Client(server.address, credentials.createInsecure());
      });

      after(async () => {
        client.close();
        await server.close(1_000);
      });

      it('reports the port that it really listens on', () => assert.match(server.address, /^127\.0\.0\.1:[1-9]\d+$/));

      it('hands request bytes to the method and answer bytes back', async () => {
        const { reply } = await call(client, 'Echo', Buffer.from([0, 255, 7]));
        assert.deepEqual(reply, Buffer.from([0, 255, 7]));
      });

      it('maps a coded error to its status, with message, hint and the code as a trailer', async () => {
        const { error } = await call(client, 'Refuse', Buffer.alloc(0));
        assert.equal(error?.code, status.NOT_FOUND);
        assert.equal(error?.details, 'There is no "ü". Known: none.');
        assert.deepEqual(error?.metadata.get(CODE_TRAILER), ['UNKNOWN_THING']);
        assert.equal((failures.at(-1) as SideboardError).code, 'UNKNOWN_THING');
      });

      it('keeps what an unforeseen error says to itself, and reports it to the operator', async () => {
        const { error } = await call(client, 'Break', Buffer.alloc(0));
        assert.equal(error?.code, status.INTERNAL);
        assert.ok(!error?.details.includes('hunter2'));
        assert.match(String(failures.at(-1)), /hunter2/);
      });

      it('answers UNIMPLEMENTED for a method that it does not have', async () => {
        assert.equal((await call(client, 'Nope', Buffer.alloc(0))).error?.code, status.UNIMPLEMENTED);
      });

      it('refuses a message over the limit and goes on serving', async () => {
        assert.equal((await call(client, 'Echo', Buffer.alloc(1001))).error?.code, status.RESOURCE_EXHAUSTED);
        assert.equal((await call(client, 'Echo', Buffer.alloc(1000))).reply?.length, 1000);
      });

      it("gives the method the caller's deadline, a default where there is none, and never more than the maximum", async () => {
        const remaining = async (deadline?: number) =>
          Number((await call(client, 'Deadline', Buffer.alloc(0), deadline)).reply?.toString());
        const close = (actual: number, expected: number) => assert.ok(Math.abs(actual - expected) < 1000, `${actual}`);
        close(await remaining(20_000), 20_000);
        close(await remaining(), 5_000);
        close(await remaining(3_600_000), 60_000);
        const whose = async (deadline?: number) =>
          (await call(client, 'Whose', Buffer.alloc(0), deadline)).reply?.toString();
        assert.deepEqual([await whose(20_000), await whose(), await whose(3_600_000)], ['theirs', 'ours', 'ours']);
      });

      it('tells the method that the caller went away', async () => {
        const { error } = await call(client, 'Wait', Buffer.alloc(0), 50);
        assert.equal(error?.code, status.DEADLINE_EXCEEDED);
        await callerLeft;
      });

      it('lets calls under way finish when it closes', async () => {
        const closing = await start(methods, options);
        const caller = new Client(closing.address, credentials.createInsecure());
        const pending = call(caller, 'Wait', Buffer.alloc(0));
        await new Promise((resolve) => setTimeout(resolve, 100));
        await closing.close(5_000);
        assert.equal((await pending).error, null);
        caller.close();
      });

      it('answers UNAVAILABLE to calls that do not finish within the grace', async () => {
        const closing = await start(methods, options);
        const caller = new Client(closing.address, credentials.createInsecure());
        const pending = call(caller, 'Wait', Buffer.alloc(0));
        await new Promise((resolve) => setTimeout(resolve, 100));
        const started = Date.now();
        await closing.close(20);
        assert.ok(Date.now() - started < 280);
        assert.equal((await pending).error?.code, status.UNAVAILABLE);
        caller.close();
      });

      it('says so when the address is taken', async () => {
        await assert.rejects(start(methods, { ...options, address: server.address }), {
          code: 'ADDRESS_IN_USE',
        });
      });

      for (const address of ['nowhere', '127.0.0.1', '127.0.0.1:99999', 'unix:relative', 'http://x:1']) {
        it(`refuses the address ${address}`, async () => {
          await assert.rejects(start(methods, { ...options, address }), { code: 'INVALID_LISTEN_ADDRESS' });
        });
      }
    });

    describe('a Unix socket', () => {
      let folder: string;

      before(async () => {
        folder = await mkdtemp(join(tmpdir(), 'sideboard-uds-'));
      });

      after(() => rm(folder, { recursive: true }));

      it('is open to owner and group, and answers', async () => {
        const path = join(folder, 'a.sock');
        const server = await start(methods, { ...options, address: `unix:${path}` });
        assert.equal((await stat(path)).mode & 0o777, 0o660);
        const client = new Client(server.address, credentials.createInsecure());
        assert.equal((await call(client, 'Echo', Buffer.from('x'))).reply?.toString(), 'x');
        client.close();
        await server.close(1_000);
      });

      it('is taken over when its owner was killed, and left alone while somebody answers on it', async () => {
        const path = join(folder, 'b.sock');
        const other = createServer();
        await new Promise<void>((resolve) => other.listen(path, resolve));
        await assert.rejects(start(methods, { ...options, address: `unix:${path}` }), {
          code: 'ADDRESS_IN_USE',
        });
        await new Promise((resolve) => other.close(resolve));

        const { execFileSync } = await import('node:child_process');
        // A process that is killed cannot remove its socket file.
        const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
        assert.throws(() => execFileSync(process.execPath, ['-e', script]));
        assert.ok((await stat(path)).isSocket());
        const server = await start(methods, { ...options, address: `unix:${path}` });
        await server.close(1_000);
      });

      it('never replaces a file that is not a socket', async () => {
        const path = join(folder, 'c.sock');
        await writeFile(path, 'precious');
        await assert.rejects(start(methods, { ...options, address: `unix:${path}` }), {
          code: 'ADDRESS_IN_USE',
        });
      });
    });
  });
}
