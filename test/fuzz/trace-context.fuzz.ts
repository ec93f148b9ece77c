import assert from 'node:assert/strict';
import { MAX_TRACESTATE, parseTraceparent, traceHeaders, traceparentFrom } from '../../src/encoding/trace-context.ts';
import type { FuzzTarget } from './fuzz-target.ts';

const ID = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

/** `traceparent`, and `tracestate` on the next line, as a caller sends them. What is handed on has to be fit for a header. */
export const traceContext: FuzzTarget = {
  name: 'trace-context',
  form: 'text',
  tokens: ['00-', '01-', 'ff-', '-00', '-01', '-', '\n', ID, SPAN, '0'.repeat(32), '=', ',', '\x7f', '\xff'],
  seeds: () =>
    [
      `00-${ID}-${SPAN}-01\nvendor=1,other=2`,
      `00-${ID}-${SPAN}-00`,
      `cc-${ID}-${SPAN}-01-what-comes-later\nvendor=1`,
    ].map((text) => Buffer.from(text)),
  check(input) {
    const [traceparent = '', ...rest] = input.toString('latin1').split('\n');
    const parsed = parseTraceparent(traceparent);
    const headers = traceHeaders({ traceparent, tracestate: rest.join('\n') });
    assert.equal(headers.length > 0, parsed !== undefined);
    for (const [name, value] of headers) {
      assert.match(value, /^[ -~]+$/, name);
      assert.ok(value.length <= MAX_TRACESTATE, `${name} of ${value.length} characters`);
    }
    if (parsed === undefined) return;
    const { traceId, spanId, flags } = parsed;
    assert.ok(traceparent.slice(2).startsWith(`-${traceId}-${spanId}-`));
    assert.match(`${BigInt(`0x${traceId}`)}${BigInt(`0x${spanId}`)}`, /^[1-9]\d*[1-9]\d*$/);
    assert.ok(Number.isInteger(flags) && flags >= 0 && flags <= 255);
    assert.deepEqual(parseTraceparent(traceparentFrom(parsed)), { traceId, spanId, flags: flags & 1 });
  },
};
