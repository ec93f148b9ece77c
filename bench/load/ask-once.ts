import type { Endpoint } from './exchange.ts';
import { connectTo } from './run-load.ts';

/**
 * Sends each request once, one after the other.
 * @returns the answers' messages; empty ones from Redis, whose replies are only counted
 * @throws Error the connection could not be opened, or a call failed
 */
export async function askOnce(endpoint: Endpoint, requests: readonly Uint8Array[]): Promise<readonly Buffer[]> {
  const exchange = await connectTo({ endpoint, ring: requests, connections: 1 });
  const answers: Buffer[] = [];
  try {
    for (let index = 0; index < requests.length; index++) {
      answers.push(
        await new Promise<Buffer>((resolve, reject) => {
          exchange.send(index, true, (failure, answer) => {
            if (answer === undefined) reject(new Error(`${endpoint.address}: ${failure ?? 'no answer'}`));
            else resolve(Buffer.from(answer));
          });
        }),
      );
    }
  } finally {
    exchange.close();
  }
  return answers;
}
