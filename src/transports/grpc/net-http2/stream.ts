import type { RosterMember } from '../../../encoding/roster.ts';
import { PREFIX_LENGTH } from '../grpc-message.ts';

/**
 * One stream of a connection: what HTTP/2 says of it, apart from what is asked by it. Reader, sender and connection work on these
 * fields as frames come and go; a subclass knows what its request means and how it is answered.
 */
export abstract class Stream implements RosterMember {
  /** Part of {@link RosterMember}: of those that are open. */
  place = -1;
  readonly id: number;
  /** Milliseconds since the Unix epoch. */
  readonly deadline: number;
  /** Bytes that the client still takes. */
  sendWindow: number;
  /** Bytes of flow control that came since the client was last asked for more. */
  unacknowledged = 0;
  /** Length of the body that the request announced, or -1; and bytes of it that came. */
  readonly contentLength: number;
  received = 0;
  /** Bytes of the request in memory. */
  heldBytes = 0;
  /** The client has ended its side, and the turn in which it did so began then, in milliseconds since the Unix epoch. */
  requestEnded = false;
  arrivedAt = 0;
  /** Nothing of the stream is on the connection any more. */
  closed = false;
  /** What is to be sent, whether as a gRPC message behind its prefix, and how much of it has left, prefix included. */
  outgoing: Uint8Array = NOTHING;
  outgoingIsMessage = true;
  outgoingSent = 0;
  /** Whether the stream ends behind it. */
  outgoingIsLast = true;

  constructor(id: number, deadline: number, contentLength: number | undefined, sendWindow: number) {
    this.id = id;
    this.deadline = deadline;
    this.contentLength = contentLength ?? -1;
    this.sendWindow = sendWindow;
  }

  get outgoingLeft(): number {
    return this.outgoing.length + (this.outgoingIsMessage ? PREFIX_LENGTH : 0) - this.outgoingSent;
  }

  /** When it is to be ended from here, in milliseconds since the Unix epoch. */
  get expiresAt(): number {
    return this.deadline;
  }

  /** The client is not to be asked for more of the request: what came is not used up. */
  get isFull(): boolean {
    return false;
  }

  /** A method runs for it, although the stream may be closed. */
  get isRunning(): boolean {
    return false;
  }

  /**
   * Takes a piece of the request; the bytes are valid during the call only.
   * @param isLast whether it is the end of a frame
   * @returns bytes that are held from now on
   */
  abstract receive(bytes: Buffer, start: number, end: number, isLast: boolean): number;

  /** The request is there. */
  abstract complete(): void;

  /** Its time is up, and it may not have been answered yet. */
  abstract expire(): void;

  /** The server stops: what would go on for long comes to an end. */
  drain(): void {}

  /** Nobody will answer otherwise: says so with an error. */
  abstract abandon(error: unknown): void;

  /** Everything outgoing has left. */
  sent(): void {
    this.outgoing = NOTHING;
  }

  /** The stream is closed, by whichever side. */
  close(): void {
    this.closed = true;
    this.outgoing = NOTHING;
  }
}

const NOTHING = new Uint8Array(0);
