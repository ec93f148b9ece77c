import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { type Form, passes, type RowReport } from './figures.ts';
import { builtProgram } from './program.ts';
import { type FaultRow, type ProductProgram, type RowOptions, RowSkipped } from './row.ts';

export interface RunOptions extends Partial<RowOptions> {
  readonly form: Form;
  readonly seed: number;
  /** The compiled product by default. */
  readonly program?: ProductProgram;
  readonly say?: (text: string) => void;
}

export interface FinishedRow {
  readonly id: string;
  readonly form: Form;
  readonly seed: number;
  /** When it began, as ISO 8601 in UTC. */
  readonly began: string;
  readonly seconds: number;
  readonly verdict: 'pass' | 'fail' | 'skipped';
  readonly report: RowReport;
  /** Why it was skipped, or what kept it from being carried out. */
  readonly reason?: string;
}

const SOAK_MINUTES = 120;

/** Runs one row and ends whatever it started. Never throws: what goes wrong is in the result. */
export async function runRow(row: FaultRow, options: RunOptions): Promise<FinishedRow> {
  const began = new Date();
  const folder = mkdtempSync(join(tmpdir(), `sideboard-${row.id.toLowerCase()}-`));
  const ends: (() => unknown)[] = [];
  const finish = (verdict: FinishedRow['verdict'], report: RowReport, reason?: string): FinishedRow => ({
    id: row.id,
    form: options.form,
    seed: options.seed,
    began: began.toISOString(),
    seconds: Math.round((Date.now() - began.getTime()) / 100) / 10,
    verdict,
    report,
    ...(reason === undefined ? {} : { reason }),
  });
  const nothing: RowReport = { figures: [], notes: [] };
  try {
    const report = await row.run(
      {
        seed: options.seed,
        random: createSeededRandom(options.seed),
        program: options.program ?? builtProgram(),
        folder,
        options: { soakMinutes: options.soakMinutes ?? SOAK_MINUTES },
        say: options.say ?? (() => {}),
        cleanUp: (end) => ends.push(end),
        skip: (reason) => {
          throw new RowSkipped(reason);
        },
      },
      options.form,
    );
    return finish(passes(report) ? 'pass' : 'fail', report);
  } catch (error) {
    if (error instanceof RowSkipped) return finish('skipped', nothing, error.message);
    return finish('fail', nothing, error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    for (const end of ends.reverse()) {
      try {
        await end();
      } catch (error) {
        options.say?.(`${row.id}: cleaning up failed: ${String(error)}`);
      }
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `FAULTS_SEED` of the environment, or a new one. */
export function seedOfRun(): number {
  const given = process.env.FAULTS_SEED;
  return given === undefined ? Date.now() % 1_000_000 : Number(given);
}
