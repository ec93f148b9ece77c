/** What `/metrics` said at a moment. */
export interface Metrics {
  /** The value of one series; 0 where it is not there. @param labels those that it has to have, others may stand beside them */
  value(name: string, labels?: Readonly<Record<string, string>>): number;
  /** The sum of all series of a name that have these labels. */
  sum(name: string, labels?: Readonly<Record<string, string>>): number;
  /** Whether there is any series of this name. */
  has(name: string): boolean;
}

interface Series {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

export async function fetchMetrics(admin: string): Promise<Metrics> {
  const response = await fetch(`http://${admin}/metrics`);
  return metricsFromText(await response.text());
}

export function metricsFromText(text: string): Metrics {
  const all = text
    .split('\n')
    .map(seriesFromLine)
    .filter((series) => series !== undefined);
  const matching = (name: string, labels: Readonly<Record<string, string>> = {}): Series[] =>
    all.filter(
      (series) =>
        series.name === name && Object.entries(labels).every(([label, value]) => series.labels.get(label) === value),
    );
  return {
    value: (name, labels) => matching(name, labels)[0]?.value ?? 0,
    sum: (name, labels) => matching(name, labels).reduce((sum, { value }) => sum + value, 0),
    has: (name) => all.some((series) => series.name === name),
  };
}

function seriesFromLine(line: string): Series | undefined {
  const [, name, labels = '', value] = /^([a-zA-Z_:]\w*)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
  if (name === undefined) return undefined;
  const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
  return {
    name,
    labels: new Map(pairs.map(([, label = '', text = '']) => [label, text])),
    value: Number(value),
  };
}
