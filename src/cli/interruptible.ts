/** Ctrl-C and SIGTERM tell the work to end where it can; a second one ends the process. */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
): Promise<{ readonly outcome: T; readonly signal: unknown }> {
  const controller = new AbortController();
  const stop = (signal: NodeJS.Signals): void => controller.abort(signal);
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    return { outcome: await work(controller.signal), signal: controller.signal.reason };
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
