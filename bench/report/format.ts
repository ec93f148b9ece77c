import type { Spread } from './statistics.ts';

/** How targets are called in tables and charts. */
const labels: Readonly<Record<string, string>> = {
  sideboard: 'Sideboard, Redis',
  'sideboard-sqlite': 'Sideboard, SQLite',
  'grpcjs-echo': 'grpc-js echo, no store',
  'redis-direct': 'direct Redis reads',
  'feast-python': 'Feast Python, Redis',
};

export function labelOf(target: string): string {
  return labels[target] ?? target;
}

/** Three significant digits, thousands apart. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const digits = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  const fraction = Math.min(3, Math.max(0, 2 - digits));
  const rounded = fraction > 0 ? value : Math.round(value / 10 ** (digits - 2)) * 10 ** (digits - 2);
  return rounded.toLocaleString('en-US', { minimumFractionDigits: fraction, maximumFractionDigits: fraction });
}

/** Microseconds in the unit that is easiest to read. */
export function microseconds(value: number): string {
  return value >= 1000 ? `${figure(value / 1000)} ms` : `${figure(value)} µs`;
}

/** The median and, where rounds differ, from where to where. */
export function spreadText(spread: Spread | undefined, write: (value: number) => string = figure): string {
  if (spread === undefined) return '–';
  const { median, least, most } = spread;
  const middle = write(median);
  return write(least) === middle && write(most) === middle ? middle : `${middle} (${write(least)}–${write(most)})`;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}
