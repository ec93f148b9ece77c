import type { TraceContext } from '../../encoding/trace-context.ts';
import type { CallMarks } from '../../serving/served-call.ts';

/** What a span tells: names, codes and numbers. Never an entity, a stored value, a token, or an error's message. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** One step of a trace. */
export interface TraceSpan {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** Somebody will see it. Of one that nobody will, attributes need not be made. */
  readonly isRecorded: boolean;
  /** Hands the trace on, to a process that is asked during this step. */
  readonly context: TraceContext;
  /** A step within this one that asks another program, a store. */
  startChild(name: string, attributes: SpanAttributes): TraceSpan;
  add(attributes: SpanAttributes): void;
  /** The step has failed. @param code the stable code of the error */
  fail(code: string): void;
  end(): void;
}

/** Makes spans and has them exported in the background. Nothing here throws or waits, but for {@link close}. */
export interface Tracer {
  /** The step of a call that came from outside: part of the caller's trace where it sent one. */
  startCall(name: string, marks: CallMarks | undefined, attributes: SpanAttributes): TraceSpan;
  /** A step that nobody called for, which asks another program. */
  startOwn(name: string, attributes: SpanAttributes): TraceSpan;
  /** Exports what is left, for at most so long, and ends. Never fails. */
  close(withinMs: number): Promise<void>;
}
