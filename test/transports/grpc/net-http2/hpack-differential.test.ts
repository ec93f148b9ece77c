import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { type AddressInfo, createServer } from 'node:net';
import fc from 'fast-check';
import { SideboardError } from '../../../../src/errors.ts';
import type { HeaderField } from '../../../../src/transports/grpc/net-http2/header-field.ts';
import { HpackDecoder } from '../../../../src/transports/grpc/net-http2/hpack-decoder.ts';
import { startNetHttp2Server } from '../../../../src/transports/grpc/net-http2/net-http2-server.ts';
import { createEchoService } from '../../../support/echo-service.ts';
import { http2Call, statusOf } from '../../../support/http2-call.ts';
import { FrameType, frame, grpcMessage } from '../../../support/http2-wire.ts';

const letters = (unit: string) =>
  fc.string({ unit: fc.constantFrom(...unit) as fc.Arbitrary<string>, minLength: 1, maxLength: 20 });
const names = fc.oneof(
  fc.constantFrom(
    'user-agent',
    'accept-encoding',
    'grpc-timeout',
    'content-type',
    'x-trace',
    'authorization',
    'cookie2',
  ),
  letters("abcdefghijklmnopqrstuvwxyz0123456789-_.!#$%&'*+^`|~").map((name) => `x${name}`),
);
const visible = String.fromCharCode(...Array.from({ length: 94 }, (_, i) => i + 0x21));
const high = String.fromCharCode(...Array.from({ length: 128 }, (_, i) => i + 0x80));
const values = fc.oneof(
  fc.constantFrom('gzip', 'application/grpc', '1000m', ''),
  letters(visible),
  letters(visible + high),
  fc.integer({ min: 1, max: 3_000 }).map((length) =>
    'long value '
      .repeat(length / 11 + 1)
      .slice(0, length)
      .trim(),
  ),
);
const headers = fc.array(fc.tuple(names, values), { maxLength: 12 });

/** What node's client (nghttp2) sends as header blocks to a peer that allows a table of that size. */
async function blocksOf(
  tableSize: number,
  requests: readonly (readonly (readonly [string, string])[])[],
): Promise<Buffer[]> {
  const blocks: Buffer[] = [];
  let open = Buffer.alloc(0);
  const settings = Buffer.alloc(6);
  settings.writeUInt16BE(1);
  settings.writeUInt32BE(tableSize, 2);
  const server = createServer((socket) => {
    let received = Buffer.alloc(0);
    let at = 24;
    socket.write(frame(FrameType.SETTINGS, 0, 0, settings));
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      while (received.length >= at + 9 && received.length >= at + 9 + received.readUIntBE(at, 3)) {
        const end = at + 9 + received.readUIntBE(at, 3);
        const type = received[at + 3];
        const flags = received[at + 4] ?? 0;
        if (type === FrameType.HEADERS || type === FrameType.CONTINUATION) {
          // nghttp2 sets the priority flag where it has one to tell.
          const from = at + 9 + (type === FrameType.HEADERS && (flags & 0x20) !== 0 ? 5 : 0);
          open = Buffer.concat([open, received.subarray(from, end)]);
          if ((flags & 4) !== 0) {
            blocks.push(open);
            open = Buffer.alloc(0);
          }
        }
        at = end;
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    maxSendHeaderBlockLength: 1024 * 1024,
    // Otherwise it keeps to 4,096 bytes, whatever its peer allows.
    maxDeflateDynamicTableSize: tableSize,
  });
  client.on('error', () => {});
  await once(client, 'remoteSettings');
  for (const fields of requests) {
    const stream = client.request({ ':path': '/p', ...headersObject(fields) }, { endStream: true });
    stream.on('error', () => {});
  }
  while (blocks.length < requests.length) await new Promise((resolve) => setTimeout(resolve, 1));
  client.destroy();
  server.close();
  return blocks;
}

/** Repeated names become lists, where node allows it. */
function headersObject(fields: readonly (readonly [string, string])[]): Record<string, string | string[]> {
  const object: Record<string, string[]> = {};
  for (const [name, value] of fields) object[name] = [...(name.startsWith('x') ? (object[name] ?? []) : []), value];
  return Object.fromEntries(
    Object.entries(object).map(([name, list]) => [name, list.length === 1 ? (list[0] ?? '') : list]),
  );
}

describe('header blocks between net-http2 and nghttp2', function () {
  this.timeout(30_000);

  it('of random requests, with tables of any size, are decoded to what was sent', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(0, 1, 64, 100, 300, 1_000, 4_096),
        fc.array(headers, { minLength: 1, maxLength: 40 }),
        async (tableSize, requests) => {
          const decoder = new HpackDecoder(tableSize);
          for (const [at, block] of (await blocksOf(tableSize, requests)).entries()) {
            const fields: HeaderField[] = [];
            decoder.decode(block, 0, block.length, { field: (field) => fields.push(field) });
            const seen = fields.filter(({ name }) => !name.startsWith(':')).map(({ name, value }) => [name, value]);
            const sent = Object.entries(headersObject(requests[at] ?? [])).flatMap(([name, value]) =>
              (Array.isArray(value) ? value : [value]).map((each) => [name, each]),
            );
            assert.deepEqual(seen, sent);
            assert.ok(decoder.table.size <= tableSize);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('of answers are decoded by a client that changes the size of its table at any time', async () => {
    const echo = createEchoService();
    const refusal = (message: Uint8Array) => {
      throw new SideboardError('SOME_CODE', 'not_found', `no "${Buffer.from(message)}", 100 %`);
    };
    const methods = [...echo.methods, { path: '/test.Echo/Refuse2', handle: refusal }];
    const server = await startNetHttp2Server(methods, echo.options());
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('Echo', 'Later', 'Large', 'Refuse2') },
      { weight: 1, arbitrary: fc.constantFrom(0, 50, 182, 183, 184, 1_000, 4_096, 65_536) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
        const session = connect(`http://${server.address}`, { settings: { enablePush: false } });
        const pending: Promise<void>[] = [];
        for (const each of steps) {
          if (typeof each === 'number') await changed(session, each);
          else pending.push(checked(session, each));
          if (pending.length % 4 === 3) await Promise.all(pending);
        }
        await Promise.all(pending);
        session.destroy();
      }),
      { numRuns: 60 },
    );
    await server.close(0);
  });
});

function changed(session: ClientHttp2Session, headerTableSize: number): Promise<void> {
  return new Promise((resolve) => session.settings({ headerTableSize }, () => resolve()));
}

async function checked(session: ClientHttp2Session, method: string): Promise<void> {
  const answer = await http2Call(session, `/test.Echo/${method}`, { frames: [grpcMessage(Buffer.from('30000'))] });
  assert.equal(answer.resetCode, constants.NGHTTP2_NO_ERROR);
  assert.deepEqual(Object.entries(answer.headers).slice(0, 3), [
    [':status', 200],
    ['content-type', 'application/grpc+proto'],
    ['grpc-accept-encoding', 'identity,gzip,deflate'],
  ]);
  if (method !== 'Refuse2') assert.deepEqual(Object.entries(answer.trailers), [['grpc-status', '0']]);
  else {
    assert.equal(statusOf(answer), 5);
    assert.equal(answer.headers['grpc-message'], 'no "30000", 100 %25');
    assert.equal(answer.headers['sideboard-code'], 'SOME_CODE');
  }
}
