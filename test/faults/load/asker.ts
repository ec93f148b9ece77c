import type { RowContext } from '../harness/row.ts';
import { type CallerOptions, type CallOutcome, GrpcCaller } from './grpc-caller.ts';

/** Single calls of a row, beside its load. */
export interface Asker {
  /** Sends one message and waits for what comes of it. */
  ask(message: Uint8Array): Promise<CallOutcome>;
  /** Sends all messages, so many at a time, and tells of each outcome. */
  askAll(
    count: number,
    atOnce: number,
    messageAt: (index: number) => Uint8Array,
    onOutcome: (outcome: CallOutcome, index: number) => void,
  ): Promise<void>;
  close(): void;
}

/** Opens a caller with connections of its own; closed behind the row. */
export async function openAsker(
  context: Pick<RowContext, 'cleanUp'>,
  address: string,
  options: Partial<CallerOptions> = {},
): Promise<Asker> {
  const caller = new GrpcCaller({
    address,
    connections: 1,
    deadlineMs: 10_000,
    giveUpMs: 20_000,
    metadata: {},
    ...options,
  });
  context.cleanUp(() => caller.close());
  await caller.open();
  const ask = (message: Uint8Array): Promise<CallOutcome> => new Promise((resolve) => caller.call(message, resolve));
  return {
    ask,
    async askAll(count, atOnce, messageAt, onOutcome) {
      let next = 0;
      const work = async (): Promise<void> => {
        while (next < count) {
          const index = next++;
          onOutcome(await ask(messageAt(index)), index);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, work));
    },
    close: () => caller.close(),
  };
}

/** How an outcome is named in a report: its code of Sideboard's, else its status. */
export function codeOf({ code, sideboardCode }: CallOutcome): string {
  return sideboardCode ?? code;
}
