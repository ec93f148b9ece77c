/**
 * What may be kept of an error of a client library: name, code, message and stack. Such errors carry requests with their
 * headers, and the log prints every property.
 */
export function plainCause(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const inner = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  const plain = new Error(withoutUser(error.message + inner));
  plain.name = error.name;
  plain.stack = withoutUser(error.stack ?? '');
  return Object.assign(plain, codeOf(error) === undefined ? {} : { code: codeOf(error) });
}

/** The code that Node's or a library's error carries, or that of the error below it. */
export function codeOf(error: unknown): string | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ('code' in current && typeof current.code === 'string') return current.code;
  }
  return undefined;
}

function withoutUser(text: string): string {
  return text.replaceAll(/(:\/\/)[^/\s@]*@/g, '$1***@');
}
