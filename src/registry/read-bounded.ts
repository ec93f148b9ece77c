import { RegistryError } from './registry-error.ts';

/**
 * Reads a stream to its end, as long as it stays within `maxBytes`.
 * @param name What messages call the registry.
 * @throws RegistryError `REGISTRY_TOO_LARGE`; whatever the stream throws.
 */
export async function readBounded(
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number,
  name: string,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop closes the stream, and with it the connection that still brings the rest.
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge(name, maxBytes);
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, length);
}

export function tooLarge(name: string, maxBytes: number): RegistryError {
  return new RegistryError('REGISTRY_TOO_LARGE', `The ${name} is larger than ${maxBytes} bytes.`, {
    hint: 'Raise sideboard.registry.max_bytes if that is right.',
  });
}
