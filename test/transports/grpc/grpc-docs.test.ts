import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ACCEPTED_ENCODINGS } from '../../../src/transports/grpc/grpc-message.ts';
import { type Http2Limits, http2Limits } from '../../../src/transports/grpc/http2-limits.ts';
import { grpcServers } from '../../../src/transports/grpc/start-grpc-server.ts';
import { projectRoot } from '../../support/project-root.ts';

const page = readFileSync(join(projectRoot, 'docs', 'reference', 'grpc.md'), 'utf8').replaceAll(/\s+/g, ' ');

const count = (value: number) => value.toLocaleString('en');
const seconds = (milliseconds: number) => `${milliseconds / 1000} s`;

/** What the page says of each limit. */
const sayings: { readonly [Limit in keyof Http2Limits]: (value: number) => string } = {
  maxHeaderBytes: (value) => `| headers of a call | ${count(value)} bytes,`,
  maxUnsentBytes: (value) => `has not taken yet | ${value / 1024 / 1024} MiB |`,
  keepaliveMs: (value) => `Every ${seconds(value)} the server pings each connection`,
  minPingIntervalMs: (value) => `without calls, at least ${seconds(value)} apart`,
  maxPingStrikes: (value) => `, ${value} may come earlier |`,
  sweepMs: (value) => (value === 1_000 ? '`DEADLINE_EXCEEDED` within a second' : `within ${seconds(value)}`),
  stalledAnswerMs: (value) => `an answer not taken is kept | ${seconds(value)} |`,
  hangUpMs: (value) => `hung up on after ${value} ms`,
  lastAnswerMs: (value) => `(${seconds(value)} after an answer`,
  resetsPerSecond: (value) => `${count(value)} a second; Node 20`,
  resetsAtOnce: (value) => `Node 24: ${count(value)} at once`,
};

describe('docs/reference/grpc.md', () => {
  for (const limit of Object.keys(sayings) as (keyof Http2Limits)[]) {
    it(`gives ${limit} as the code has it`, () => {
      const saying = sayings[limit](http2Limits[limit]);
      assert.ok(page.includes(saying), `"${saying}" is not on the page`);
    });
  }

  it('speaks of every limit', () => assert.deepEqual(Object.keys(sayings).sort(), Object.keys(http2Limits).sort()));

  it('names the servers', () => {
    for (const name of Object.keys(grpcServers)) assert.ok(page.includes(`| \`${name}\``), name);
  });

  it('names the encodings of requests', () => {
    assert.equal(ACCEPTED_ENCODINGS, 'identity,gzip,deflate');
    assert.ok(page.includes('compressed with gzip or deflate'));
  });
});
