/** How thoroughly a row is run: within seconds beside other tests, or in full on a machine of its own. */
export type Form = 'short' | 'long';

/**
 * One figure of a row.
 * `told`: it is shown and not judged, because this form, or this machine, cannot judge it.
 */
export interface Figure {
  readonly name: string;
  readonly asked: string;
  readonly reached: string;
  readonly verdict: 'pass' | 'fail' | 'told';
}

/** What one run of a row found. */
export interface RowReport {
  readonly figures: readonly Figure[];
  /** What a reader of the figures has to know: a shorter duration than asked, a stand-in. */
  readonly notes: readonly string[];
}

/** Bounds of a figure that depends on how busy the machine is: the one asked for, and one that holds beside other tests. */
export interface TimedBound {
  readonly long: number;
  /** Left out, the short form only tells the figure. */
  readonly short?: number;
}

/** Collects the figures of a run, reached next to asked. */
export class FigureSheet {
  readonly #form: Form;
  readonly #figures: Figure[] = [];
  readonly #notes: string[] = [];

  constructor(form: Form) {
    this.#form = form;
  }

  /** A number that must not be above a bound, in both forms unless the bound says otherwise. NaN is within none. */
  atMost(name: string, reached: number, bound: number | TimedBound, unit = ''): void {
    this.#compare(name, reached, bound, unit, '≤', (value, limit) => value <= limit);
  }

  /** A number that must not be below a bound. */
  atLeast(name: string, reached: number, bound: number | TimedBound, unit = ''): void {
    this.#compare(name, reached, bound, unit, '≥', (value, limit) => value >= limit);
  }

  /** Something that must be just so. */
  equal(name: string, reached: number | string | boolean, asked: number | string | boolean): void {
    this.#add(name, textOf(asked), textOf(reached), reached === asked);
  }

  /** A count that must be 0; `details` are shown where it is not. */
  none(name: string, count: number, details: readonly string[] = []): void {
    this.#add(name, '0', [textOf(count), ...(count === 0 ? [] : details.slice(0, 3))].join('; '), count === 0);
  }

  /** A condition in words. */
  holds(name: string, holds: boolean, asked: string, reached: string): void {
    this.#add(name, asked, reached, holds);
  }

  /** A figure that is shown and not judged. */
  tell(name: string, reached: number | string, unit = '', asked = '–'): void {
    this.#figures.push({ name, asked, reached: withUnit(textOf(reached), unit), verdict: 'told' });
  }

  note(text: string): void {
    this.#notes.push(text);
  }

  report(): RowReport {
    return { figures: this.#figures, notes: this.#notes };
  }

  #compare(
    name: string,
    reached: number,
    bound: number | TimedBound,
    unit: string,
    sign: string,
    isWithin: (value: number, limit: number) => boolean,
  ): void {
    const { long, short } = typeof bound === 'number' ? { long: bound, short: bound } : bound;
    const limit = this.#form === 'long' ? long : short;
    const asked = `${sign} ${withUnit(textOf(long), unit)}`;
    const shown = Number.isNaN(reached) ? 'nothing to judge' : withUnit(textOf(reached), unit);
    if (limit === undefined) this.#figures.push({ name, asked, reached: shown, verdict: 'told' });
    else this.#add(name, limit === long ? asked : `${asked} (here ${textOf(limit)})`, shown, isWithin(reached, limit));
  }

  #add(name: string, asked: string, reached: string, passed: boolean): void {
    this.#figures.push({ name, asked, reached, verdict: passed ? 'pass' : 'fail' });
  }
}

/** True when no figure failed and there is one that was judged. */
export function passes({ figures }: RowReport): boolean {
  return figures.every(({ verdict }) => verdict !== 'fail') && figures.some(({ verdict }) => verdict === 'pass');
}

export function failedFigures({ figures }: RowReport): readonly Figure[] {
  return figures.filter(({ verdict }) => verdict === 'fail');
}

export function figureText({ name, asked, reached, verdict }: Figure): string {
  return `${verdict === 'fail' ? 'FAILED ' : verdict === 'told' ? '(told) ' : ''}${name}: asked ${asked}, reached ${reached}`;
}

function textOf(value: number | string | boolean): string {
  if (typeof value !== 'number') return `${value}`;
  if (Number.isInteger(value)) return value.toLocaleString('en-US');
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 4);
}

function withUnit(text: string, unit: string): string {
  return unit === '' ? text : `${text} ${unit}`;
}
