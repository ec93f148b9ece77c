import { join } from 'node:path';
import { run } from './feast-session.ts';
import { readGoldenLines } from './golden.ts';
import { projectRoot } from './project-root.ts';

/** One setting of feature_store.yaml and what Feast reads there. */
export interface FeastSetting {
  /** Empty for the top of the file. */
  readonly section: '' | 'online_store' | 'registry' | 'auth';
  /** What stands beside it in the section. */
  readonly others: Readonly<Record<string, unknown>>;
  readonly key: string;
  /** The value as it stands in the file. */
  readonly text: string;
  /** `refused`, or the value. */
  readonly feast: unknown;
}

/** What `${SAMPLE}` in a sample stands for. */
export const sampleEnvironment = { SAMPLE: '54' };

/** Recorded from Feast 0.67. */
export function recordedSettings(): readonly FeastSetting[] {
  return readGoldenLines<FeastSetting>('config', 'lax_settings.jsonl');
}

/** What the installed Feast makes of the same samples. */
export async function settingsReadByFeast(settings: readonly FeastSetting[]): Promise<readonly FeastSetting[]> {
  const python = join(projectRoot, '.venv', 'feast', 'bin', 'python');
  const script = join(projectRoot, 'test', 'interop', 'feast', 'settings.py');
  const samples = settings.map(({ section, others, key, text }) => [section, others, key, text]);
  const { status, stdout, output } = await run(python, [script], JSON.stringify(samples));
  if (status !== 0) throw new Error(`settings.py failed with status ${status}:\n${output}`);
  const values = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as readonly unknown[];
  return settings.map((setting, index) => ({ ...setting, feast: values[index] }));
}

/** `feature_store.yaml` with one sample in it, as settings.py writes it. */
export function fileWithSetting({ section, others, key, text }: FeastSetting): string {
  const lines: Record<string, string> = { project: 'shop', registry: 'r.db' };
  const beside = Object.entries(others).map(([name, value]) => `, ${name}: ${JSON.stringify(value)}`);
  if (section === '') lines[key] = text;
  else lines[section] = `{${key}: ${text}${beside.join('')}}`;
  return Object.entries(lines)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');
}
