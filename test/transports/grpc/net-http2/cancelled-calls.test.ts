import assert from 'node:assert/strict';
import { Http2ServerUnderTest } from '../../../support/http2-server-under-test.ts';
import { FrameType, frame, unaryCall } from '../../../support/http2-wire.ts';

const CANCEL = Buffer.from([0, 0, 0, 8]);

describe('calls that were cancelled before the net-http2 server read them', () => {
  let lab: Http2ServerUnderTest;

  afterEach(() => lab.end());

  it('are not begun, and the one that was not cancelled is', async () => {
    lab = await Http2ServerUnderTest.start('net-http2');
    const wire = await lab.greet();
    const ids = Array.from({ length: 30 }, (_, index) => 1 + 2 * index);
    const message = Buffer.alloc(1_000, 'x');
    // One write, one read: as what piled up while the process stood still.
    wire.send(
      ...ids.map((id) => unaryCall(id, '/test.Echo/Echo', message)),
      ...ids.slice(0, -1).map((id) => frame(FrameType.RST_STREAM, 0, id, CANCEL)),
    );
    const last = ids.at(-1);
    await wire.next(({ type, stream }) => type === FrameType.DATA && stream === last);
    const answered = wire.frames.filter(({ type }) => type === FrameType.DATA).map(({ stream }) => stream);
    assert.deepEqual(answered, [last]);
    await lab.hasNoCalls();
  });

  it('are not begun either when a client resets each call as it makes it, few at a time', async () => {
    lab = await Http2ServerUnderTest.start('net-http2');
    const wire = await lab.greet();
    const ids = Array.from({ length: 10 }, (_, index) => 1 + 2 * index);
    const message = Buffer.alloc(40, 'x');
    wire.send(
      ...ids.flatMap((id) => [unaryCall(id, '/test.Echo/Echo', message), frame(FrameType.RST_STREAM, 0, id, CANCEL)]),
      unaryCall(101, '/test.Echo/Echo', message),
    );
    await wire.next(({ type, stream }) => type === FrameType.DATA && stream === 101);
    assert.equal(lab.echo.counts.started, 1);
    await lab.hasNoCalls();
  });
});
