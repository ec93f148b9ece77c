import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { crc32 } from 'node:zlib';
import type { LoadSpec } from '../../bench/load/load-spec.ts';
import { runLoad } from '../../bench/load/run-load.ts';

const ring = [
  Buffer.from('right'),
  Buffer.from('other bytes'),
  Buffer.from('refuse'),
  Buffer.from('cut off'),
  Buffer.from('piecemeal'),
  Buffer.from('large'),
  Buffer.from('hang up'),
];
const LARGE = Buffer.alloc(300_000, 'as large as answers are ');

/** Speaks just enough gRPC to be wrong in every way that the driver must notice. */
const clients = {
  grpc: {
    what: 'by a library',
    endpoint: (address: string) => ({ kind: 'grpc', address, path: '/bench.Echo/Echo' }) as const,
    faults: ['a message of another length than announced', 'gRPC status 5'],
  },
  wire: {
    what: 'without one',
    endpoint: (address: string) => ({ kind: 'wire', address, path: '/bench.Echo/Echo', deadlineMs: 5_000 }) as const,
    faults: ['an answer without a whole message'],
  },
};

for (const { what, endpoint, faults } of Object.values(clients))
  describe(`the load driver, ${what}`, () => {
    let server: Http2Server;
    let address = '';
    before(async () => {
      server = createServer();
      server.on('stream', (stream) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => answer(stream, Buffer.concat(chunks).subarray(5).toString()));
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const bound = server.address();
      address = `127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`;
    });
    after(() => {
      server.close();
    });

    it('counts right answers and keeps their latencies', async () => {
      const result = await runLoad(spec([0], 4));
      assert.ok(result.requests > 0);
      assert.equal(result.errors, 0);
      assert.equal(result.differingCount, 0);
      assert.ok(result.checked > 0);
      assert.ok(result.p50Ms > 0 && result.p50Ms <= result.p99Ms && result.p99Ms <= result.maxMs);
      assert.ok(result.windowMs >= 90);
    });

    it('hands over answers whose bytes are not the expected ones', async () => {
      const result = await runLoad(spec([0, 1], 1));
      assert.ok(result.differingCount > 0);
      assert.deepEqual(
        [...result.differing].map(([index, bytes]) => [index, Buffer.from(bytes).toString()]),
        [[1, 'other bytes']],
      );
    });

    it('counts statuses other than OK and messages of the wrong length as errors', async () => {
      const result = await runLoad(spec([0, 2, 3], 1));
      assert.ok(result.errors >= 2);
      assert.deepEqual([...result.failures.keys()].sort(), faults);
    });

    it('takes a message that comes in pieces, its length included', async () => {
      const result = await runLoad(spec([4], 1));
      assert.equal(result.errors, 0);
      assert.ok(result.requests > 0);
    });

    it('takes large answers, several at a time, over several connections', async () => {
      const large = { ...spec([5], 8), connections: 3, checksums: new Map([[0, crc32(LARGE)]]) };
      const result = await runLoad({ ...large, measureMs: 300 });
      assert.equal(result.errors, 0);
      assert.ok(result.checked >= 8);
      assert.equal(result.differingCount, 0);
    });

    it('counts what is under way as failed when the server goes', async () => {
      const result = await runLoad({ ...spec([6], 2), measureMs: 300 });
      assert.equal(result.requests, 0);
      assert.ok(result.errors >= 2);
    });

    it('sends by the clock, whatever is under way', async () => {
      const { requests, errors } = await runLoad({
        ...spec([0], 1),
        pace: { kind: 'open', perSecond: 200 },
        measureMs: 400,
      });
      assert.equal(errors, 0);
      assert.ok(requests > 40 && requests < 120, `${requests} requests in 0.4 s at 200/s`);
    });

    it('fails where nobody listens', async () => {
      await assert.rejects(runLoad({ ...spec([0], 1), endpoint: endpoint('127.0.0.1:1') }), /ECONNREFUSED/);
    });

    function spec(indexes: readonly number[], concurrency: number): LoadSpec {
      return {
        endpoint: endpoint(address),
        ring: indexes.map((index) => ring[index] ?? Buffer.alloc(0)),
        pace: { kind: 'closed', concurrency },
        connections: 1,
        warmupMs: 20,
        measureMs: 100,
        pids: [process.pid],
        checksums: new Map(indexes.map((_, at) => [at, crc32(Buffer.from('right'))])),
      };
    }
  });

function answer(stream: ServerHttp2Stream, message: string): void {
  if (message === 'refuse') {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5' }, { endStream: true });
    return;
  }
  if (message === 'hang up') stream.session?.destroy();
  if (stream.destroyed) return;
  const content = message === 'large' ? LARGE : Buffer.from(message);
  const frame = Buffer.alloc(5 + content.length);
  frame.writeUInt32BE(content.length, 1);
  frame.set(content, 5);
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  if (message === 'piecemeal') {
    sendInPieces(stream, frame, 0);
    return;
  }
  stream.end(message === 'cut off' ? frame.subarray(0, -1) : frame);
}

function sendInPieces(stream: ServerHttp2Stream, frame: Buffer, start: number): void {
  if (start >= frame.length) stream.end();
  else stream.write(frame.subarray(start, start + 2), () => setImmediate(sendInPieces, stream, frame, start + 2));
}
