export interface InOrderOptions<Input, Result> {
  /** How many are worked on at a time, finishing included. */
  readonly atOnce: number;
  /** Begins the work for an input. */
  begin(input: Input): Promise<Result>;
  /** Called with the results one by one, in the order of the inputs; the next one waits for it. */
  finish(result: Result, input: Input): Promise<void> | void;
}

/**
 * Works on several inputs at a time and finishes them in their order. The next input is asked for when there is room for it. After a
 * failure nothing is asked for or finished any more.
 * @returns when no work is under way any more; inputs that were asked for and never came do not count
 * @throws the first failure, by the order of the inputs
 */
export async function inOrder<Input, Result>(
  inputs: AsyncIterable<Input>,
  { atOnce, begin, finish }: InOrderOptions<Input, Result>,
): Promise<void> {
  const source = inputs[Symbol.asyncIterator]();
  let failure: { readonly error: unknown } | undefined;
  let whenFailed = (): void => {};
  const underway: Promise<void>[] = [];
  let last: Promise<void> = Promise.resolve();

  const start = (input: Input): void => {
    const before = last;
    const work = begin(input);
    const done = (async () => {
      // Both are waited for, whatever becomes of them: nothing may be under way in the end.
      const [result] = await Promise.allSettled([work, before]);
      if (failure !== undefined) return;
      try {
        if (result.status === 'rejected') throw result.reason;
        await finish(result.value, input);
      } catch (error) {
        failure = { error };
        whenFailed();
      }
    })();
    last = done;
    underway.push(done);
    void done.then(() => underway.shift());
  };

  /** The next input, unless a failure comes first. */
  const next = (): Promise<IteratorResult<Input, unknown> | undefined> =>
    new Promise((resolve, reject) => {
      whenFailed = () => resolve(undefined);
      source.next().then(resolve, reject);
    });

  try {
    while (failure === undefined) {
      if (underway.length >= atOnce) {
        await underway[0];
        continue;
      }
      const result = await next();
      if (result === undefined || result.done === true) break;
      start(result.value);
    }
  } catch (error) {
    // What was taken before it goes first.
    await last;
    failure ??= { error };
  }
  await last;
  await Promise.all(underway);
  if (failure !== undefined) throw failure.error;
}
