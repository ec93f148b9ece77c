import { failedFigures, figureText } from './figures.ts';
import { changedProgram } from './program.ts';
import type { FaultRow, Mutation } from './row.ts';
import { runRow } from './run-row.ts';

export interface MutationOutcome {
  /** Whether the row failed by the figure that the mutation names. */
  readonly noticed: boolean;
  /** The figure by which it failed, or what happened instead. */
  readonly by: string;
}

/** Runs a row against a copy of the product with one change. */
export async function runMutation(
  row: FaultRow,
  mutation: Mutation,
  { seed }: { readonly seed: number },
): Promise<MutationOutcome> {
  const program = changedProgram(mutation);
  try {
    const { report, verdict, reason } = await runRow(row, { form: mutation.form ?? 'short', seed, program });
    if (verdict === 'skipped') return { noticed: false, by: `skipped: ${reason}` };
    const failed = failedFigures(report);
    const figure = failed.find(({ name }) => mutation.fails === undefined || name.includes(mutation.fails));
    if (figure !== undefined) return { noticed: true, by: figureText(figure) };
    const [firstLine = ''] = (reason ?? '').split('\n');
    // A product that no longer gets as far as the figures was noticed too, unless a certain figure is named.
    if (reason !== undefined) return { noticed: mutation.fails === undefined, by: firstLine };
    return {
      noticed: false,
      by: failed.length === 0 ? 'the row passed' : `failed by ${figureText(failed[0] ?? figureOfNothing)}`,
    };
  } finally {
    program.remove();
  }
}

const figureOfNothing = { name: 'nothing', asked: '', reached: '', verdict: 'fail' } as const;
