import { strict as assert } from 'node:assert';
import {
  type Answer,
  type AnswerColumn,
  type Ask,
  type OnlineFeaturesClient,
  refusalOf,
} from '../../support/online-features-client.ts';

/** One case of the list: what is asked, and the check of what comes back. */
export type BehaviourCase = (client: OnlineFeaturesClient) => Promise<void>;

/** Case name to case, for one project. */
export type BehaviourCases = Readonly<Record<string, BehaviourCase>>;

/** The request is answered with exactly these columns, in this order. */
export function answers(ask: Ask, ...columns: readonly AnswerColumn[]): BehaviourCase {
  return async (client) => {
    assert.deepEqual(await client.ask(ask), { columns, versions: [] } satisfies Answer);
  };
}

/** The request is refused with this status, this stable code and a message that names the culprits. */
export function refuses(ask: Ask, status: string, code: string, ...culprits: readonly string[]): BehaviourCase {
  return (client) => refusedCall(client.ask(ask), status, code, ...culprits);
}

export async function refusedCall(
  call: Promise<unknown>,
  status: string,
  code: string,
  ...culprits: readonly string[]
): Promise<void> {
  const refusal = await refusalOf(call);
  assert.deepEqual([refusal.status, refusal.code], [status, code], refusal.message);
  for (const culprit of culprits) {
    assert.ok(refusal.message.includes(culprit), `"${refusal.message}" does not name ${culprit}`);
  }
}
