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
];

/** Speaks just enough gRPC to be wrong in every way that the driver must notice. */
describe('the load driver', () => {
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
    assert.deepEqual([...result.failures.keys()].sort(), [
      'a message of another length than announced',
      'gRPC status 5',
    ]);
  });

  it('takes a message that comes in pieces, its length included', async () => {
    const result = await runLoad(spec([4], 1));
    assert.equal(result.errors, 0);
    assert.ok(result.requests > 0);
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
    const nobody = { kind: 'grpc', address: '127.0.0.1:1', path: '/x/Y' } as const;
    await assert.rejects(runLoad({ ...spec([0], 1), endpoint: nobody }), /ECONNREFUSED/);
  });

  function spec(indexes: readonly number[], concurrency: number): LoadSpec {
    return {
      endpoint: { kind: 'grpc', address, path: '/bench.Echo/Echo' },
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
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.write(message, 5);
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
