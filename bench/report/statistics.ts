/** The middle of some figures and how far they lie apart. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** `undefined` where there is nothing to take the middle of. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  const least = sorted[0];
  const most = sorted[sorted.length - 1];
  if (least === undefined || most === undefined) return undefined;
  const upper = sorted[Math.floor(sorted.length / 2)] ?? most;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? least;
  return { median: (lower + upper) / 2, least, most };
}

/** A figure of one round. */
export interface RoundFigure {
  readonly round: number;
  readonly value: number;
}

/**
 * Ratios of figures that were measured in the same round: what slowed the machine down in one round hits both sides. Rounds
 * that lack a side, or a finite ratio, are left out.
 */
export function ratioByRound(above: readonly RoundFigure[], below: readonly RoundFigure[]): Spread | undefined {
  return combineByRound(above, below, (a, b) => a / b);
}

/** Differences of figures that were measured in the same round. */
export function differenceByRound(from: readonly RoundFigure[], take: readonly RoundFigure[]): Spread | undefined {
  return combineByRound(from, take, (a, b) => a - b);
}

function combineByRound(
  first: readonly RoundFigure[],
  second: readonly RoundFigure[],
  combine: (a: number, b: number) => number,
): Spread | undefined {
  const others = new Map(second.map(({ round, value }) => [round, value]));
  return spreadOf(
    first.flatMap(({ round, value }) => {
      const other = others.get(round);
      return other === undefined ? [] : [combine(value, other)];
    }),
  );
}
