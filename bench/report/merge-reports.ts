import type { BenchReport } from './bench-report.ts';
import type { LoadingReport } from './loading-report.ts';

/** What a run with `--loading` writes into `loading.json`: a part of a report. */
export interface LoadingPart {
  readonly loading: LoadingReport;
}

/**
 * The published report with what a run has measured in place of what it had; what the run did not measure stays. Serving is
 * measured as a whole, and loading as a whole.
 */
export function mergeReports(published: BenchReport, run: BenchReport | LoadingPart): BenchReport {
  if (!('cells' in run)) return { ...published, loading: run.loading };
  return { ...(published.loading && { loading: published.loading }), ...run };
}
