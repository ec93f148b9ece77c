import type { ForeignAnswer } from './call-plan.ts';
import { Stream } from './stream.ts';

/** What a foreign request needs of the connection it came by. */
export interface ForeignHost {
  answerForeign(request: ForeignRequest, answer: ForeignAnswer): void;
}

/** A request that is not a gRPC call. Its body is passed over; when it has come, or at its deadline, it gets its HTTP status. */
export class ForeignRequest extends Stream {
  readonly #answer: ForeignAnswer;
  readonly #host: ForeignHost;
  #answered = false;

  constructor(
    id: number,
    answer: ForeignAnswer,
    deadline: number,
    contentLength: number | undefined,
    sendWindow: number,
    host: ForeignHost,
  ) {
    super(id, deadline, contentLength, sendWindow);
    this.outgoingIsMessage = false;
    this.#answer = answer;
    this.#host = host;
  }

  override receive(): number {
    return 0;
  }

  override complete(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#host.answerForeign(this, this.#answer);
  }

  override expire(): void {
    this.complete();
  }

  override abandon(): void {
    this.complete();
  }
}
