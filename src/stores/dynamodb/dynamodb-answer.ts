import { StoreError } from '../store-error.ts';

/**
 * Parses an answer of DynamoDB as it was sent: JSON, bytes in base64.
 * @throws StoreError `STORE_CORRUPT` for what is not a JSON object
 */
export function parseAnswer(body: Buffer, where: string): object {
  try {
    const answer: unknown = JSON.parse(body.toString('utf8'));
    if (typeof answer === 'object' && answer !== null) return answer;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw corruptAnswer(where, 'something that is not a JSON object');
}

/** A list within an answer; empty where there is none. @throws StoreError `STORE_CORRUPT` for what is not a list */
export function listIn<T>(list: readonly T[] | null | undefined, where: string): readonly T[] {
  if (list === undefined || list === null) return [];
  if (Array.isArray(list)) return list;
  throw corruptAnswer(where, 'something else where a list was expected');
}

export function corruptAnswer(where: string, what: string): StoreError {
  return new StoreError('STORE_CORRUPT', `${where} answered with ${what}.`, {
    hint: 'Check endpoint_url, and what stands between Sideboard and DynamoDB.',
  });
}
