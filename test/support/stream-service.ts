import { SideboardError } from '../../src/errors.ts';
import type { StreamCall, StreamMethod } from '../../src/transports/grpc/service-table.ts';
import { patternOf } from './echo-service.ts';

/** Streaming methods, and what became of their calls. */
export interface StreamService {
  readonly methods: readonly StreamMethod[];
  readonly counts: { begun: number; taken: number; settled: number; aborted: number; complete: number };
  /** Messages that the calls of `Held` may take from now on. */
  allow(messages: number): void;
}

export function createStreamService(): StreamService {
  const counts = { begun: 0, taken: 0, settled: 0, aborted: 0, complete: 0 };
  let allowed = 0;
  let wake: (() => void)[] = [];
  const turn = async (signal: AbortSignal): Promise<void> => {
    while (allowed === 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        wake.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    allowed--;
  };
  const named: Record<string, (call: StreamCall) => Promise<void>> = {
    /** Every message, back again. */
    async Repeat(call) {
      for await (const message of call.messages) {
        counts.taken++;
        await call.send(message);
      }
    },
    /** Takes a message when a test allows it; sends each back. */
    async Held(call) {
      await turn(call.signal);
      for await (const message of call.messages) {
        counts.taken++;
        void call.send(message);
        await turn(call.signal);
      }
    },
    /** The number of messages and their bytes, at the end. */
    async Count(call) {
      let bytes = 0;
      let messages = 0;
      for await (const message of call.messages) {
        counts.taken++;
        messages++;
        bytes += message.length;
      }
      await call.send(Buffer.from(`${messages} ${bytes}`));
    },
    /** For every message as many bytes as it says, without waiting for the client. */
    async Large(call) {
      for await (const message of call.messages) {
        counts.taken++;
        void call.send(patternOf(Number(message)));
      }
    },
    /** Refuses the message `no`, and sends the others back. */
    async Picky(call) {
      for await (const message of call.messages) {
        if (Buffer.from(message).toString() === 'no') {
          throw new SideboardError('UNKNOWN_THING', 'not_found', 'There is no "ü".', { hint: 'Known: none.' });
        }
        void call.send(message);
      }
    },
    /** Works a millisecond on each message, without ever waiting. */
    async Busy(call) {
      for await (const _ of call.messages) {
        counts.taken++;
        const until = performance.now() + 1;
        while (performance.now() < until);
      }
    },
    async Break() {
      throw new Error('password=hunter2');
    },
    /** Answers the first message and wants no more. */
    async First(call) {
      for await (const message of call.messages) {
        await call.send(message);
        return;
      }
    },
  };
  const methods = Object.entries(named).map(([name, answer]) => ({
    path: `/test.Stream/${name}`,
    async stream(call: StreamCall) {
      counts.begun++;
      call.signal.addEventListener('abort', () => counts.aborted++);
      try {
        await answer(call);
      } finally {
        counts.settled++;
        if (call.isComplete) counts.complete++;
      }
    },
  }));
  return {
    methods,
    counts,
    allow(messages) {
      allowed += messages;
      for (const resolve of wake.splice(0)) resolve();
      wake = [];
    },
  };
}
