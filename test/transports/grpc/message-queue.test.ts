import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { MessageQueue } from '../../../src/transports/grpc/message-queue.ts';
import { grpcMessage } from '../../support/http2-wire.ts';

describe('the queue of a streaming call', () => {
  it('gives every message once, in order, however it is cut, and whenever it is asked', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 });
    fc.assert(
      fc.property(messages, fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (sent, cuts) => {
        const queue = new MessageQueue(300, 'identity');
        const bytes = Buffer.concat(sent.map((message) => grpcMessage(Buffer.from(message))));
        const got: Uint8Array[] = [];
        const take = (): void => {
          for (let next = queue.take(); next instanceof Uint8Array; next = queue.take()) got.push(Buffer.from(next));
        };
        for (let at = 0, cut = 0; at < bytes.length; cut++) {
          const length = cuts[cut % cuts.length] ?? 1;
          queue.push(bytes.subarray(at, at + length));
          at += length;
          // Now and then it is left to pile up.
          if (length % 3 !== 0) take();
        }
        take();
        assert.deepEqual(
          got,
          sent.map((message) => Buffer.from(message)),
        );
        assert.equal(queue.held, 0);
        queue.assertEnded();
      }),
    );
  });

  it('asks for more until the next message is whole', () => {
    const queue = new MessageQueue(10, 'identity');
    assert.ok(queue.needsMore);
    const message = grpcMessage(Buffer.from('abc'));
    for (const byte of message.subarray(0, -1)) {
      queue.push(Buffer.from([byte]));
      assert.ok(queue.needsMore);
      assert.equal(queue.take(), undefined);
    }
    queue.push(message.subarray(-1));
    assert.equal(queue.needsMore, false);
    assert.equal(queue.held, 8);
    assert.equal(String(queue.take()), 'abc');
    assert.ok(queue.needsMore);
  });

  it('refuses a message over the limit when its length is known, and asks for no more of it', () => {
    const queue = new MessageQueue(10, 'identity');
    queue.push(grpcMessage(Buffer.from('before')));
    queue.push(grpcMessage(Buffer.alloc(11)).subarray(0, 5));
    assert.equal(String(queue.take()), 'before');
    assert.equal(queue.needsMore, false);
    assert.throws(() => queue.take(), { code: 'MESSAGE_TOO_LARGE' });
  });

  it('unpacks what is compressed, within the limit', async () => {
    const queue = new MessageQueue(100, 'gzip');
    queue.push(grpcMessage(gzipSync(Buffer.from('small')), 1));
    queue.push(grpcMessage(gzipSync(Buffer.alloc(101)), 1));
    assert.equal(String(await queue.take()), 'small');
    await assert.rejects(async () => queue.take(), { code: 'MESSAGE_TOO_LARGE' });
  });

  it('refuses a call that ends inside a message, and a flag that does not exist', () => {
    const queue = new MessageQueue(10, 'identity');
    queue.push(Buffer.from([0, 0]));
    assert.throws(() => queue.assertEnded(), { code: 'MALFORMED_FRAME' });
    const other = new MessageQueue(10, 'identity');
    other.push(grpcMessage(Buffer.from('x'), 2));
    assert.throws(() => other.take(), { code: 'MALFORMED_FRAME' });
  });
});
