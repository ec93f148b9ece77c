/**
 * Waits until something is there.
 * @param describe what to show where it does not come
 * @throws Error after `withinMs`
 */
export async function until<T>(
  look: () => T | undefined | Promise<T | undefined>,
  describe: () => string,
  withinMs = 60_000,
): Promise<T> {
  const giveUp = Date.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > giveUp) throw new Error(`waited ${withinMs} ms in vain:\n${describe()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
