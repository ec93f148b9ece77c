import { parseArgs } from 'node:util';
import type { Form } from './harness/figures.ts';
import type { FaultRow } from './harness/row.ts';
import { seedOfRun } from './harness/run-row.ts';
import { faultRows } from './programme.ts';

export interface ProgrammeOptions {
  readonly rows: readonly FaultRow[];
  readonly form: Form;
  readonly soakMinutes: number;
  readonly seed: number;
}

export const USAGE = `Options: --rows R1,R2   only these rows
         --except R18   all but these
         --soak-minutes N   how long R18 takes, 120 by default
         --form short   the short forms
         --seed N`;

/** @throws Error for an option or a row that there is not */
export function programmeOptions(args: readonly string[]): ProgrammeOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rows: { type: 'string' },
      except: { type: 'string' },
      'soak-minutes': { type: 'string', default: '120' },
      form: { type: 'string', default: 'long' },
      seed: { type: 'string' },
    },
  });
  const soakMinutes = Number(values['soak-minutes']);
  if (!(soakMinutes > 0)) throw new Error('--soak-minutes takes a number above 0');
  if (values.form !== 'short' && values.form !== 'long') throw new Error('--form is short or long');
  const seed = values.seed === undefined ? seedOfRun() : Number(values.seed);
  if (!Number.isInteger(seed)) throw new Error('--seed takes a whole number');
  const named = idsOf(values.rows);
  const left = idsOf(values.except);
  const rows = faultRows.filter(({ id }) => (named.size === 0 || named.has(id)) && !left.has(id));
  return { rows, form: values.form, soakMinutes, seed };
}

function idsOf(list: string | undefined): ReadonlySet<string> {
  const ids = new Set((list ?? '').split(',').flatMap((id) => (id === '' ? [] : [id.trim().toUpperCase()])));
  for (const id of ids) if (!faultRows.some((row) => row.id === id)) throw new Error(`there is no row ${id}`);
  return ids;
}
