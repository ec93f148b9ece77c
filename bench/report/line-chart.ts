import { dot, faint, line, polyline, svgDocument, text } from './svg.ts';

export interface LineChart {
  readonly title: string;
  readonly subtitle: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly {
    readonly label: string;
    readonly stroke: string;
    readonly points: readonly (readonly [number, number])[];
  }[];
}

const WIDTH = 860;
const HEIGHT = 420;
const PLOT = { left: 80, right: 700, top: 88, bottom: 360 };
const GRID = '#e2e8f0';

/** Points over two logarithmic axes, marked at powers of ten: what grows in proportion is a straight line. */
export function lineChartSvg({ title, subtitle, xLabel, yLabel, series }: LineChart): string {
  const points = series.flatMap((each) => each.points);
  const x = axis(
    points.map(([value]) => value),
    PLOT.left,
    PLOT.right,
  );
  const y = axis(
    points.map(([, value]) => value),
    PLOT.bottom,
    PLOT.top,
  );
  const body = [text(16, 28, title, { size: 17, weight: 'bold' }), text(16, 48, subtitle, { fill: faint })];
  for (const tick of x.ticks) {
    body.push(line(x.at(tick), PLOT.top, x.at(tick), PLOT.bottom, GRID));
    body.push(text(x.at(tick), PLOT.bottom + 18, tick.toLocaleString('en-US'), { anchor: 'middle', fill: faint }));
  }
  for (const tick of y.ticks) {
    body.push(line(PLOT.left, y.at(tick), PLOT.right, y.at(tick), GRID));
    body.push(text(PLOT.left - 8, y.at(tick) + 4, tick.toLocaleString('en-US'), { anchor: 'end', fill: faint }));
  }
  body.push(text((PLOT.left + PLOT.right) / 2, PLOT.bottom + 42, xLabel, { anchor: 'middle' }));
  body.push(text(16, PLOT.top - 14, yLabel));
  for (const [row, { label, stroke, points: own }] of series.entries()) {
    const drawn = own.map(([a, b]) => [x.at(a), y.at(b)] as const);
    body.push(polyline(drawn, stroke), ...drawn.map(([a, b]) => dot(a, b, stroke)));
    body.push(dot(PLOT.right + 20, PLOT.top + 12 + row * 22, stroke));
    body.push(text(PLOT.right + 32, PLOT.top + 16 + row * 22, label));
  }
  return svgDocument(WIDTH, HEIGHT, title, body);
}

interface Axis {
  readonly ticks: readonly number[];
  at(value: number): number;
}

/** Whole decades around the values. */
function axis(values: readonly number[], from: number, to: number): Axis {
  const positive = values.filter((value) => value > 0);
  const first = Math.floor(Math.log10(Math.min(...positive)));
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(...positive))));
  return {
    ticks: Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index)),
    at: (value) => from + ((Math.log10(value) - first) / (last - first)) * (to - from),
  };
}
