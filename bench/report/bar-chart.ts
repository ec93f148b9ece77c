import { faint, rect, svgDocument, text } from './svg.ts';

export interface BarPanel {
  readonly title: string;
  readonly bars: readonly Bar[];
}

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** What stands behind the bar. */
  readonly text: string;
  readonly fill: string;
  /** Where the thin line ends that goes on from the bar, for a second, larger figure. */
  readonly whisker?: number;
}

export interface BarChart {
  readonly title: string;
  readonly subtitle: string;
  readonly panels: readonly BarPanel[];
}

const WIDTH = 860;
const LABELS = 160;
const TEXTS = 110;
const ROW = 24;
const HEAD = 64;
const PANEL_HEAD = 30;
const GAP = 16;
const COLUMNS = 2;

/** Panels of horizontal bars, two beside each other; every panel has a scale of its own from zero. */
export function barChartSvg({ title, subtitle, panels }: BarChart): string {
  const body = [text(16, 28, title, { size: 17, weight: 'bold' }), text(16, 48, subtitle, { fill: faint })];
  const panelWidth = WIDTH / COLUMNS;
  let top = HEAD;
  for (let first = 0; first < panels.length; first += COLUMNS) {
    const beside = panels.slice(first, first + COLUMNS);
    for (const [column, panel] of beside.entries())
      body.push(...drawPanel(panel, column * panelWidth, top, panelWidth));
    top += PANEL_HEAD + Math.max(...beside.map(({ bars }) => bars.length)) * ROW + GAP;
  }
  return svgDocument(WIDTH, top, title, body);
}

function drawPanel({ title, bars }: BarPanel, left: number, top: number, width: number): string[] {
  const longest = Math.max(...bars.map(({ value, whisker }) => Math.max(value, whisker ?? 0)));
  const scale = (width - LABELS - TEXTS) / (longest || 1);
  const drawn = [text(left + 16, top + 18, title, { size: 13, weight: 'bold' })];
  for (const [row, bar] of bars.entries()) {
    const y = top + PANEL_HEAD + row * ROW;
    const end = Math.max(1.5, bar.value * scale);
    drawn.push(text(left + LABELS - 8, y + 12, bar.label, { anchor: 'end' }));
    drawn.push(rect(left + LABELS, y, end, 16, bar.fill));
    const tail = Math.max(end, (bar.whisker ?? 0) * scale);
    if (tail > end) drawn.push(rect(left + LABELS + end, y + 6.5, tail - end, 3, bar.fill));
    drawn.push(text(left + LABELS + tail + 6, y + 12, bar.text));
  }
  return drawn;
}
