import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ACCEPTED_ENCODINGS } from '../../../src/transports/grpc/grpc-message.ts';
import { type NetHttp2Limits, netHttp2Limits } from '../../../src/transports/grpc/net-http2/net-http2-limits.ts';
import { grpcServers } from '../../../src/transports/grpc/start-grpc-server.ts';
import { projectRoot } from '../../support/project-root.ts';

const page = readFileSync(join(projectRoot, 'docs', 'reference', 'grpc.md'), 'utf8').replaceAll(/\s+/g, ' ');

const count = (value: number) => value.toLocaleString('en');
const seconds = (milliseconds: number) => `${milliseconds / 1000} s`;

/** What the page says of each limit. */
const sayings: { readonly [Limit in keyof NetHttp2Limits]: (value: number) => string } = {
  maxHeaderBytes: (value) => `| headers of a call | ${count(value)} bytes,`,
  maxUnsentBytes: (value) => `has not taken yet | ${value / 1024 / 1024} MiB |`,
  keepaliveMs: (value) => `Every ${seconds(value)} the server pings each connection`,
  keepaliveTimeoutMs: (value) => `One that has not answered after ${seconds(value)} is cut off`,
  maxConnections: (value) => `At most ${count(value)} connections are open`,
  connectionAgeMs: (value) => `any connection after ${count(value / 1000)} s`,
  connectionAgeGraceMs: (value) => `still open after another ${seconds(value)} ends`,
  connectionIdleMs: (value) => `without calls is given up after ${seconds(value)}`,
  minPingIntervalMs: (value) => `without calls, at least ${seconds(value)} apart`,
  maxPingStrikes: (value) => `, ${value} may come earlier |`,
  sweepMs: (value) => (value === 1_000 ? '`DEADLINE_EXCEEDED` within a second' : `within ${seconds(value)}`),
  stalledAnswerMs: (value) => `an answer not taken is kept | ${seconds(value)} |`,
  hangUpMs: (value) => `hung up on after ${value} ms`,
  lastAnswerMs: (value) => `(${seconds(value)} after an answer`,
  resetsAtOnce: (value) => `fault of its own, per connection | ${count(value)} at once`,
  resetsPerSecond: (value) => `2,000 at once, ${count(value)} a second |`,
  maxHeaderFields: (value) => `65,536 bytes, ${value} fields |`,
  maxHeaderBlockBytes: (value) => `as it travels, compressed | ${count(value)} bytes in`,
  maxHeaderFrames: (value) => `131,072 bytes in ${value} frames |`,
  settingsTimeoutMs: (value) => `acknowledgement of the server's settings | ${seconds(value)} |`,
  streamWindow: (value) => `what may come unasked is ${value / 1024} KiB a call`,
  connectionWindow: (value) => `and ${value / 1024 / 1024} MiB a connection |`,
  maxRequestBytes: (value) => `until their methods have ended | ${value / 1024 / 1024} MiB |`,
  maxSocketBacklog: (value) => `wait in a connection's socket | ${value / 1024} KiB,`,
  maxReplyBacklog: (value) => `and ${value / 1024} KiB with replies`,
  idleFramesAtOnce: (value) => `what comes too late) | ${count(value)} at once`,
  idleFramesPerSecond: (value) => `10,000 at once, ${count(value)} a second |`,
  memoryTrimMs: (value) => `is given back after ${seconds(value)}`,
};

describe('docs/reference/grpc.md', () => {
  for (const limit of Object.keys(sayings) as (keyof NetHttp2Limits)[]) {
    it(`gives ${limit} as the code has it`, () => {
      const saying = sayings[limit](netHttp2Limits[limit]);
      assert.ok(page.includes(saying), `"${saying}" is not on the page`);
    });
  }

  it('speaks of every limit', () => assert.deepEqual(Object.keys(sayings).sort(), Object.keys(netHttp2Limits).sort()));

  it('names the servers', () => {
    for (const name of Object.keys(grpcServers)) assert.ok(page.includes(`| \`${name}\``), name);
  });

  it('names the encodings of requests', () => {
    assert.equal(ACCEPTED_ENCODINGS, 'identity,gzip,deflate');
    assert.ok(page.includes('compressed with gzip or deflate'));
  });
});
