/** The part of cli-progress that the command line uses; the package brings no types. */
declare module 'cli-progress' {
  interface BarOptions {
    readonly stream?: NodeJS.WritableStream;
    readonly format?: string;
    readonly hideCursor?: boolean;
    readonly clearOnComplete?: boolean;
    readonly barsize?: number;
    readonly fps?: number;
  }

  class SingleBar {
    constructor(options: BarOptions);
    start(total: number, value: number, payload?: object): void;
    update(value: number, payload?: object): void;
    setTotal(total: number): void;
    stop(): void;
  }

  const cliProgress: { readonly SingleBar: typeof SingleBar };
  export default cliProgress;
}
