import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { ConnectionDealer } from '../../src/operations/connection-dealer.ts';

describe('ConnectionDealer', () => {
  let dealer: ConnectionDealer;
  let dealt: [name: string, socket: Socket][];

  beforeEach(() => {
    dealer = new ConnectionDealer();
    dealt = [];
  });

  function worker(name: string) {
    return { offer: (socket: Socket) => void dealt.push([name, socket]) };
  }

  it('deals to workers in turn, to each the next when it has taken the one before', () => {
    const [a, b] = [worker('a'), worker('b')];
    dealer.join(a);
    dealer.join(b);
    const sockets = Array.from({ length: 4 }, () => new Socket());
    for (const socket of sockets) dealer.accept(socket);
    assert.deepEqual(
      dealt.map(([name]) => name),
      ['a', 'b'],
    );
    dealer.taken(b);
    dealer.taken(a);
    assert.deepEqual(
      dealt.map(([name]) => name),
      ['a', 'b', 'b', 'a'],
    );
    assert.deepEqual(
      dealt.map(([, socket]) => socket),
      sockets,
    );
    assert.deepEqual(
      sockets.map(({ destroyed }) => destroyed),
      [true, true, false, false],
    );
  });

  it('deals again what a worker that leaves has not taken', () => {
    const [a, b] = [worker('a'), worker('b')];
    const socket = new Socket();
    dealer.join(a);
    dealer.accept(socket);
    dealer.leave(a);
    assert.equal(socket.destroyed, false);
    dealer.join(b);
    assert.deepEqual(dealt, [
      ['a', socket],
      ['b', socket],
    ]);
  });

  it('lets connections wait while there is no worker, up to a number', () => {
    const sockets = Array.from({ length: 1025 }, () => new Socket());
    for (const socket of sockets) dealer.accept(socket);
    assert.deepEqual(
      sockets.filter(({ destroyed }) => destroyed),
      [sockets[1024]],
    );
    dealer.join(worker('a'));
    assert.deepEqual(dealt, [['a', sockets[0]]]);
  });

  it('deals nothing to a worker that has left', () => {
    const a = worker('a');
    dealer.join(a);
    dealer.leave(a);
    dealer.accept(new Socket());
    assert.deepEqual(dealt, []);
  });

  it('hangs up on those that wait when it closes', () => {
    const [offered, waiting] = [new Socket(), new Socket()];
    dealer.join(worker('a'));
    dealer.accept(offered);
    dealer.accept(waiting);
    dealer.close();
    assert.deepEqual([offered.destroyed, waiting.destroyed], [true, true]);
  });
});
