import type { BenchRedis } from '../servers/redis.ts';
import type { SideboardProgram } from '../servers/sideboard.ts';

export interface LoadingOptions {
  readonly rounds: number;
  /** Rows that Sideboard loads. */
  readonly rows: number;
  /** Rows from the beginning of the same data that Feast loads. */
  readonly feastRows: number;
  /** Rows of the large load into each store; 0 leaves it out. */
  readonly largeRows: number;
  /** Measured time of a cell of pushes or reads, and the time before it. */
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** Whether Feast is measured as well. */
  readonly feast: boolean;
}

export interface LoadingContext {
  readonly options: LoadingOptions;
  /** For projects; removed afterwards. */
  readonly folder: string;
  readonly redis: BenchRedis;
  readonly program: SideboardProgram;
  readonly say: (text: string) => void;
}
