import assert from 'node:assert/strict';
import { RespReplies } from '../../bench/load/resp-replies.ts';

const replies = [
  '*3\r\n$3\r\nabc\r\n$0\r\n\r\n$7\r\n*2\r\n$1\n\r\n',
  '*0\r\n',
  '*2\r\n$-1\r\n$1\r\n-\r\n',
  '-LOADING Redis is loading 1-2 data sets\r\n',
  '*1\r\n$12\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n',
];

describe('RespReplies', () => {
  it('counts replies wherever the chunks end', () => {
    const bytes = Buffer.from(replies.join(''), 'latin1');
    for (let size = 1; size <= bytes.length; size++) {
      const counter = new RespReplies();
      let count = 0;
      for (let start = 0; start < bytes.length; start += size)
        count += counter.feed(bytes.subarray(start, start + size));
      assert.equal(count, replies.length, `in chunks of ${size} bytes`);
      assert.equal(counter.faults, 2);
    }
  });

  it('counts a reply at its last byte and not before', () => {
    const bytes = Buffer.from('*1\r\n$2\r\nok\r\n');
    const counter = new RespReplies();
    assert.equal(counter.feed(bytes.subarray(0, -1)), 0);
    assert.equal(counter.feed(bytes.subarray(-1)), 1);
    assert.equal(counter.faults, 0);
  });
});
