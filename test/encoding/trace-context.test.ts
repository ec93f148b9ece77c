import assert from 'node:assert/strict';
import { parseTraceparent, traceHeaders, traceparentFrom } from '../../src/encoding/trace-context.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const PARENT = `00-${TRACE}-${SPAN}-01`;

describe('traceparent', () => {
  it('is read into its parts, and written as it was', () => {
    const parent = parseTraceparent(PARENT);
    assert.deepEqual(parent, { traceId: TRACE, spanId: SPAN, flags: 1 });
    assert.equal(parent && traceparentFrom(parent), PARENT);
  });

  it('of a later version is read as far as it is known, and written as version 00', () => {
    const parent = parseTraceparent(`cc-${TRACE}-${SPAN}-07-what-the-future-will-be-like`);
    assert.deepEqual(parent, { traceId: TRACE, spanId: SPAN, flags: 7 });
    assert.equal(parent && traceparentFrom(parent), PARENT);
  });

  const malformed = {
    nothing: undefined,
    'an empty header': '',
    'version ff': `ff-${TRACE}-${SPAN}-01`,
    'more behind version 00': `${PARENT}-more`,
    'a version without a dash behind the flags': `cc-${TRACE}-${SPAN}-01more`,
    'a later version and what no header may hold': `cc-${TRACE}-${SPAN}-01-\xff`,
    'a later version without end': `cc-${TRACE}-${SPAN}-01-${'x'.repeat(300)}`,
    'no trace': `00-${'0'.repeat(32)}-${SPAN}-01`,
    'no span': `00-${TRACE}-${'0'.repeat(16)}-01`,
    'capital letters': PARENT.toUpperCase(),
    'a part that is short': `00-${TRACE.slice(1)}-${SPAN}-01`,
    'two headers in one': `${PARENT},${PARENT}`,
    'a line break': `${PARENT}\n`,
  };
  for (const [what, header] of Object.entries(malformed)) {
    it(`is not a parent with ${what}`, () => {
      assert.equal(parseTraceparent(header), undefined);
    });
  }
});

describe('traceHeaders', () => {
  it('are both headers of a trace', () => {
    const headers = traceHeaders({ traceparent: PARENT, tracestate: 'a=1,b=2' });
    assert.deepEqual(headers, [
      ['traceparent', PARENT],
      ['tracestate', 'a=1,b=2'],
    ]);
  });

  it('leave out a state that is too long or not for a header', () => {
    for (const tracestate of [undefined, '', `a=${'x'.repeat(511)}`, 'a=\n', 'a=é']) {
      assert.deepEqual(traceHeaders({ traceparent: PARENT, tracestate }), [['traceparent', PARENT]]);
    }
  });

  it('are none for what is not a trace', () => {
    assert.deepEqual(traceHeaders(undefined), []);
    assert.deepEqual(traceHeaders({ traceparent: 'x', tracestate: 'a=1' }), []);
  });
});
