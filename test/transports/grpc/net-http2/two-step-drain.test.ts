import assert from 'node:assert/strict';
import { eventually, Http2ServerUnderTest, pause } from '../../../support/http2-server-under-test.ts';
import { type Frame, FrameType, frame, goawayOf, type Http2Wire, unaryCall } from '../../../support/http2-wire.ts';

const goaways = (wire: Http2Wire) => wire.frames.filter(({ type }) => type === FrameType.GOAWAY).map(goawayOf);
const isPing = ({ type, flags }: Frame) => type === FrameType.PING && flags === 0;
const isEndOf = (id: number) => (each: Frame) =>
  each.type === FrameType.HEADERS && each.flags === 5 && each.stream === id;
const NEVER = 0x7fffffff;

describe('the net-http2 server when it leaves', () => {
  let lab: Http2ServerUnderTest;

  afterEach(() => lab.end());

  it('takes calls until its client has heard of it, names the last of them, and closes behind it', async () => {
    lab = await Http2ServerUnderTest.start('net-http2', {}, { hangUpMs: 5_000 });
    const wire = await lab.greet();
    wire.send(unaryCall(1, '/test.Echo/Wait', Buffer.from('100')));
    await eventually(
      () => lab.server.openCalls() === 1,
      () => 'the call did not arrive',
    );
    const closing = lab.server.close(5_000);
    const ping = await wire.next(isPing);
    assert.deepEqual(goaways(wire), [{ lastStream: NEVER, code: 0, text: '' }]);

    // Was on its way before the client heard.
    wire.send(unaryCall(3, '/test.Echo/Echo', Buffer.from('x')));
    await wire.next(isEndOf(3));
    wire.send(frame(FrameType.PING, 1, 0, ping.payload));
    await eventually(
      () => goaways(wire).length === 2,
      () => wire.describe(),
    );
    assert.deepEqual(goaways(wire)[1], { lastStream: 3, code: 0, text: '' });

    // Comes although the client knows: left to another server, without a word.
    wire.send(
      unaryCall(5, '/test.Echo/Echo', Buffer.from('x')),
      frame(FrameType.WINDOW_UPDATE, 0, 5, Buffer.from([0, 0, 0, 1])),
    );
    assert.equal(wire.ended, false);
    await wire.next(isEndOf(1));
    await wire.hungUp();
    assert.ok(!wire.frames.some(({ stream }) => stream === 5));
    assert.equal(lab.echo.counts.started, 2);
    wire.destroy();
    await closing;
  });

  it('does not wait long for a client that does not answer its ping', async () => {
    lab = await Http2ServerUnderTest.start('net-http2', {}, { hangUpMs: 100 });
    const wire = await lab.greet();
    const closing = lab.server.close(5_000);
    await pause(40);
    assert.equal(goaways(wire).length, 1);
    await wire.hungUp(500);
    assert.deepEqual(
      goaways(wire).map(({ lastStream }) => lastStream),
      [NEVER, 0],
    );
    wire.destroy();
    await closing;
  });

  it('takes what came while it stood still itself', async () => {
    lab = await Http2ServerUnderTest.start('net-http2', {}, { hangUpMs: 100 });
    const wire = await lab.greet();
    const closing = lab.server.close(5_000);
    wire.send(unaryCall(1, '/test.Echo/Echo', Buffer.from('x')));
    const until = Date.now() + 150;
    while (Date.now() < until);
    await wire.next(isEndOf(1));
    await wire.hungUp(1_000);
    assert.deepEqual(
      goaways(wire).map(({ lastStream }) => lastStream),
      [NEVER, 1],
    );
    wire.destroy();
    await closing;
  });

  it('says so to a client that connects and has not spoken yet', async () => {
    lab = await Http2ServerUnderTest.start('net-http2', {}, { hangUpMs: 100 });
    const wire = await lab.open();
    await pause(20);
    const closing = lab.server.close(1_000);
    await wire.hungUp(1_000);
    assert.deepEqual(
      wire.frames.map(({ type }) => type),
      [FrameType.SETTINGS, FrameType.WINDOW_UPDATE, FrameType.GOAWAY, FrameType.PING, FrameType.GOAWAY],
    );
    wire.destroy();
    await closing;
  });
});
