/**
 * What kind of failure an error is. Transports map a kind to their own status in one place; nothing below them knows gRPC
 * or HTTP.
 */
export type ErrorKind =
  | 'invalid_argument'
  | 'not_found'
  | 'already_exists'
  | 'failed_precondition'
  | 'permission_denied'
  | 'unauthenticated'
  | 'resource_exhausted'
  | 'deadline_exceeded'
  | 'cancelled'
  | 'unavailable'
  | 'unimplemented'
  | 'data_loss'
  | 'internal';

/** One entry of a layer's error catalogue: what the code means for every transport, and one line for the reference docs. */
export interface ErrorEntry {
  readonly kind: ErrorKind;
  readonly summary: string;
}

/** A layer's catalogue: stable code to entry. A code is never renamed and never reused for something else. */
export type ErrorCatalogue = Readonly<Record<string, ErrorEntry>>;

export interface SideboardErrorOptions {
  /** What to do about it, in one sentence. Shown behind the message. */
  readonly hint?: string;
  /** The error that led here. Never shown to a caller: it may carry more than they should see. */
  readonly cause?: unknown;
}

/**
 * Base of every error that Sideboard raises on purpose.
 *
 * `code` is stable and safe to switch on, `message` names the culprit, `hint` says what to do. None of them ever holds a
 * secret or a stored value.
 */
export class SideboardError extends Error {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly hint: string | undefined;

  constructor(code: string, kind: ErrorKind, message: string, options: SideboardErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.kind = kind;
    this.hint = options.hint;
  }

  /** Message and hint in one string, as a person or a gRPC status message shows them. */
  describe(): string {
    return this.hint === undefined ? this.message : `${this.message} ${this.hint}`;
  }
}
