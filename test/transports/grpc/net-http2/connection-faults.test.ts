import assert from 'node:assert/strict';
import type { NetHttp2Limits } from '../../../../src/transports/grpc/net-http2/net-http2-limits.ts';
import type { TransportLimit } from '../../../../src/transports/grpc/transport-limit.ts';
import { Http2ServerUnderTest } from '../../../support/http2-server-under-test.ts';
import {
  callHeaders,
  FrameType,
  frame,
  goawayOf,
  type Http2Wire,
  headerBlock,
  unaryCall,
} from '../../../support/http2-wire.ts';

const reset = Buffer.from([0, 0, 0, 8]);
const isGoaway = ({ type }: { readonly type: number }): boolean => type === FrameType.GOAWAY;

interface Case {
  readonly limit: TransportLimit | undefined;
  readonly limits: Partial<NetHttp2Limits>;
  /** What ends the connection, as soon as it has greeted. */
  readonly act: (wire: Http2Wire) => void;
}

const cases: Readonly<Record<string, Case>> = {
  'resets its calls without end': {
    limit: 'resets',
    limits: { resetsAtOnce: 20, resetsPerSecond: 1 },
    act(wire) {
      for (let id = 1; id < 60; id += 2) {
        wire.send(unaryCall(id, '/test.Echo/Wait', Buffer.from('100')), frame(FrameType.RST_STREAM, 0, id, reset));
      }
    },
  },
  'sends frames of no use without end': {
    limit: 'frames',
    limits: { idleFramesAtOnce: 20, idleFramesPerSecond: 1 },
    act(wire) {
      for (let sent = 0; sent < 30; sent++) wire.send(frame(77, 0, 0));
    },
  },
  'sends a header block that does not end': {
    limit: 'metadata',
    limits: {},
    act(wire) {
      wire.send(frame(FrameType.HEADERS, 0, 1, headerBlock(callHeaders('/test.Echo/Echo'))));
      for (let sent = 0; sent < 40; sent++) wire.send(frame(FrameType.CONTINUATION, 0, 1));
    },
  },
  // A client that does not speak the protocol is at fault, and no limit took effect.
  'breaks the protocol': {
    limit: undefined,
    limits: {},
    act: (wire) => wire.send(frame(FrameType.PING, 0, 1, Buffer.alloc(8))),
  },
};

describe('the net-http2 server', function () {
  this.timeout(20_000);

  for (const [what, { limit, limits, act }] of Object.entries(cases)) {
    it(`tells which limit it was that ended the connection of a client that ${what}`, async () => {
      const told: TransportLimit[] = [];
      const lab = await Http2ServerUnderTest.start('net-http2', { onLimit: (each) => told.push(each) }, limits);
      try {
        const wire = await lab.greet();
        act(wire);
        assert.notEqual(goawayOf(await wire.next(isGoaway)).code, 0);
        await wire.hungUp();
        assert.deepEqual(told, limit === undefined ? [] : [limit]);
      } finally {
        await lab.end();
      }
    });
  }

  it('tells that a client took too long for its greeting', async () => {
    const told: TransportLimit[] = [];
    const onLimit = (limit: TransportLimit): void => void told.push(limit);
    const lab = await Http2ServerUnderTest.start('net-http2', { onLimit }, { settingsTimeoutMs: 100, sweepMs: 20 });
    try {
      await (await lab.open()).hungUp();
      assert.deepEqual(told, ['settings']);
    } finally {
      await lab.end();
    }
  });
});
