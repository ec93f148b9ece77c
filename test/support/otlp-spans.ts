import assert from 'node:assert/strict';
import type { OtlpReceiver, ReceivedSpan } from './otlp-receiver.ts';
import { eventually } from './serving-program.ts';

/** Waits for the spans of a trace that make sense of it. @param count how many there are to be */
export async function spansOfTrace(
  receiver: OtlpReceiver,
  trace: string,
  count: number,
  what: () => string,
): Promise<readonly ReceivedSpan[]> {
  const ofTrace = (): ReceivedSpan[] => receiver.spans.filter((span) => span.trace === trace);
  await eventually(
    () => (ofTrace().length >= count ? true : undefined),
    () => `${ofTrace().length} of ${count} spans\n${what()}`,
  );
  return ofTrace();
}

/** The one span of that name. */
export function spanNamed(spans: readonly ReceivedSpan[], name: string): ReceivedSpan {
  const named = spans.filter((span) => span.name === name);
  assert.equal(named.length, 1, `${name} among ${spans.map((span) => span.name).join(', ')}`);
  return named[0] as ReceivedSpan;
}
