import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import type { GrpcServer } from '../../../src/transports/grpc/service-table.ts';
import { grpcServers } from '../../../src/transports/grpc/start-grpc-server.ts';
import { createEchoService, type EchoService } from '../../support/echo-service.ts';
import { FrameType, goawayOf, Http2Wire, unaryCall } from '../../support/http2-wire.ts';
import { projectRoot } from '../../support/project-root.ts';

const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
const bytes = (buffer: Buffer) => buffer;

/** @returns the status code */
function call(client: Client, method: string, message: string, waitForReady = false): Promise<number> {
  return new Promise((resolve) => {
    const options = { deadline: Date.now() + 10_000 };
    client.makeUnaryRequest(
      `/test.Echo/${method}`,
      bytes,
      bytes,
      Buffer.from(message),
      new Metadata({ waitForReady }),
      options,
      (error) => resolve(error?.code ?? status.OK),
    );
  });
}

for (const [name, start] of Object.entries(grpcServers)) {
  describe(`the ${name} server when it closes`, () => {
    let echo: EchoService;
    let server: GrpcServer;
    const clients: Client[] = [];
    const wires: Http2Wire[] = [];

    const connect = (address = server.address): Client => {
      const client = new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
      clients.push(client);
      return client;
    };
    const greet = async (): Promise<Http2Wire> => {
      const wire = await Http2Wire.greet(server.address);
      wires.push(wire);
      return wire;
    };
    const closedWithin = async (graceMs: number): Promise<number> => {
      const started = Date.now();
      await server.close(graceMs);
      return Date.now() - started;
    };

    const restart = async (): Promise<void> => {
      await server?.close(0);
      echo = createEchoService();
      server = await start(echo.methods, echo.options());
    };

    beforeEach(restart);
    afterEach(async () => {
      for (const client of clients.splice(0)) client.close();
      for (const wire of wires.splice(0)) wire.destroy();
      await server.close(0);
    });

    it('under load loses no call that it took, and takes none that it does not answer', async () => {
      for (let round = 0; round < 10; round++) {
        await restart();
        const outcomes = new Map<number, number>();
        let running = true;
        const load = Array.from({ length: 16 }, async (_, at) => {
          const client = connect();
          while (running) {
            const code = await call(client, at % 2 === 0 ? 'Echo' : 'Wait', '5');
            outcomes.set(code, (outcomes.get(code) ?? 0) + 1);
            if (code !== status.OK) return;
          }
        });
        while ((outcomes.get(status.OK) ?? 0) < 200 + 7 * round) await pause(1);
        assert.deepEqual([...outcomes.keys()], [status.OK]);
        await closedWithin(5_000);
        running = false;
        await Promise.all(load);
        assert.equal(echo.counts.finished, outcomes.get(status.OK), 'what was run was answered');
        assert.deepEqual(
          [...outcomes.keys()].filter((code) => code !== status.OK && code !== status.UNAVAILABLE),
          [],
        );
        assert.deepEqual(echo.failures, []);
      }
    });

    it('loses no call at all of clients that wait for the next server, however often that happens', async function () {
      this.timeout(30_000);
      const { address } = server;
      const client = connect();
      let running = true;
      const outcomes = new Map<number, number>();
      const load = Array.from({ length: 16 }, async (_, at) => {
        while (running) {
          const code = await call(client, at % 2 === 0 ? 'Later' : 'Wait', '3', true);
          outcomes.set(code, (outcomes.get(code) ?? 0) + 1);
        }
      });
      for (let round = 0; round < 5; round++) {
        await pause(150);
        await server.close(5_000);
        server = await start(echo.methods, echo.options({ address }));
      }
      await pause(150);
      running = false;
      await Promise.all(load);
      assert.deepEqual([...outcomes.keys()], [status.OK]);
    });

    it('either answers a call that races with the goodbye, or says that it was not taken', async () => {
      for (let round = 0; round < 20; round++) {
        await restart();
        const wire = await greet();
        wire.send(unaryCall(1, '/test.Echo/Echo', Buffer.from('1')));
        await wire.next(({ type, stream }) => type === FrameType.DATA && stream === 1);
        const closing = server.close(2_000);
        if (round % 2 === 1) await pause(1);
        for (let id = 3; id <= 41; id += 2) wire.send(unaryCall(id, '/test.Echo/Echo', Buffer.from('1')));
        wire.finish();
        await wire.hungUp();
        await closing;
        const goaways = wire.frames.filter(({ type }) => type === FrameType.GOAWAY).map((frame) => goawayOf(frame));
        const { code, lastStream } = goaways.at(-1) ?? assert.fail('no GOAWAY');
        assert.equal(code, 0);
        const answered = new Set(
          wire.frames
            .filter(({ type, flags }) => type === FrameType.HEADERS && flags === 5)
            .map(({ stream }) => stream),
        );
        const refused = new Set(
          wire.frames.filter(({ type }) => type === FrameType.RST_STREAM).map(({ stream }) => stream),
        );
        for (let id = 1; id <= 41; id += 2) {
          assert.ok(answered.has(id) || refused.has(id) || id > lastStream, `call ${id}: ${wire.describe()}`);
        }
      }
    });

    it('does not wait for clients without calls', async () => {
      const client = connect();
      assert.equal(await call(client, 'Echo', 'x'), status.OK);
      for (let i = 0; i < 20; i++) await greet();
      assert.ok((await closedWithin(10_000)) < 1_000);
    });

    it('does not wait for clients that never hang up, when their last call has ended', async () => {
      const wire = await greet();
      wire.send(unaryCall(1, '/test.Echo/Wait', Buffer.from('100')));
      await pause(30);
      const took = await closedWithin(10_000);
      assert.ok(took > 50 && took < 3_000, `${took} ms`);
      assert.ok(wire.frames.some(({ type, flags }) => type === FrameType.HEADERS && flags === 5));
    });

    it('ends within the grace whatever its clients do', async () => {
      const silent = await greet();
      silent.pause();
      const half = await greet();
      half.send(unaryCall(1, '/test.Echo/Wait', Buffer.from('60000')));
      const client = connect();
      const waiting = call(client, 'Wait', '60000');
      await pause(50);
      const took = await closedWithin(300);
      assert.ok(took >= 290 && took < 1_000, `${took} ms`);
      assert.equal(await waiting, status.UNAVAILABLE);
      assert.equal(server.openCalls(), 0);
    });

    it('tells methods that are cut short', async () => {
      const client = connect();
      const waiting = call(client, 'Wait', '60000');
      await pause(50);
      await server.close(0);
      await waiting;
      assert.equal(echo.counts.aborted, 1);
    });

    it('closes once, however often it is asked', async () => {
      const client = connect();
      const pending = call(client, 'Wait', '100');
      await pause(30);
      const closing = [server.close(5_000), server.close(5_000), server.close(0)];
      await Promise.all(closing);
      await server.close(100);
      assert.equal(await pending, status.OK);
    });

    it('leaves nothing that keeps the process alive, with clients of all kinds connected', async () => {
      const script = import.meta.url.endsWith('.ts')
        ? ['--import', 'tsx', join(projectRoot, 'test/support/echo-process.ts')]
        : [join(projectRoot, 'build/test/support/echo-process.js')];
      const child = spawn(process.execPath, [...script, name, '1000'], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      const address = line.toString().trim();
      const client = connect(address);
      assert.equal(await call(client, 'Echo', 'x'), status.OK);
      const waiting = call(client, 'Wait', '60000');
      for (const wire of [
        await Http2Wire.open(address),
        await Http2Wire.greet(address),
        await Http2Wire.greet(address),
      ]) {
        wires.push(wire);
      }
      wires.at(-1)?.pause();
      wires.at(-1)?.send(unaryCall(1, '/test.Echo/Large', Buffer.from('10000000')));
      await pause(100);
      const started = Date.now();
      child.kill('SIGTERM');
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
      assert.deepEqual([code, signal], [0, null]);
      assert.ok(Date.now() - started < 2_500, `${Date.now() - started} ms`);
      assert.equal(await waiting, status.UNAVAILABLE);
    });

    it('does the same on a Unix socket, and removes it', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'sideboard-drain-'));
      const address = `unix:${join(folder, 'a.sock')}`;
      for (let round = 0; round < 3; round++) {
        const local = await start(echo.methods, echo.options({ address }));
        const client = connect(address);
        const pending = call(client, 'Wait', '100');
        await pause(50);
        await local.close(5_000);
        assert.equal(await pending, status.OK);
        await assert.rejects(stat(address.slice('unix:'.length)), { code: 'ENOENT' });
      }
      await rm(folder, { recursive: true });
    });
  });
}
