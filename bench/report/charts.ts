import { type Bar, barChartSvg } from './bar-chart.ts';
import type { BenchReport } from './bench-report.ts';
import { concurrenciesOf, spreadAt, targetsOf, workloadsOf } from './figures.ts';
import { figure, labelOf, microseconds } from './format.ts';
import { lineChartSvg } from './line-chart.ts';
import { spreadOf } from './statistics.ts';

const OURS = '#0f766e';
const OTHERS = '#94a3b8';
const FLOOR = '#cbd5e1';
const lines = ['#0f766e', '#b45309', '#4338ca', '#be123c'] as const;
const CPU_CONCURRENCY = 16;

const asked: Readonly<Record<string, string>> = {
  S: 'S: 3 features × 1 entity',
  B: 'B: 50 features × 1 entity',
  M: 'M: 50 features × 10 entities',
  L: 'L: 250 features × 100 entities',
};

/** Every chart that the report has figures for: file name to SVG. */
export function chartsOf(report: BenchReport): ReadonlyMap<string, string> {
  const charts = new Map<string, string>();
  if (concurrenciesOf(report).includes(CPU_CONCURRENCY)) charts.set('cpu.svg', cpuChart(report));
  if (report.cells.length > 0) charts.set('latency.svg', latencyChart(report));
  if (report.growth.some(({ requests }) => requests > 0)) charts.set('growth.svg', growthChart(report));
  return charts;
}

function cpuChart(report: BenchReport): string {
  return barChartSvg({
    title: 'CPU time per request',
    subtitle: `Concurrency ${CPU_CONCURRENCY}; less is better. Every panel has its own scale.`,
    panels: workloadsOf(report).map((workload) => ({
      title: asked[workload] ?? workload,
      bars: targetsOf(report).flatMap((target): Bar[] => {
        const bare = target === 'redis-direct';
        const place = { target, workload, concurrency: CPU_CONCURRENCY };
        const spread = spreadAt(report, place, bare ? 'redisCpuUs' : 'serverCpuUs');
        if (spread === undefined) return [];
        const label = bare ? 'Redis itself' : labelOf(target);
        return [{ label, value: spread.median, text: microseconds(spread.median), fill: fillOf(target) }];
      }),
    })),
  });
}

function latencyChart(report: BenchReport): string {
  const concurrency = concurrenciesOf(report)[0] ?? 1;
  return barChartSvg({
    title: 'Time to the answer',
    subtitle: `Bar: median; line: 99th percentile; milliseconds at concurrency ${concurrency}. Every panel has its own scale.`,
    panels: workloadsOf(report).map((workload) => ({
      title: asked[workload] ?? workload,
      bars: targetsOf(report).flatMap((target): Bar[] => {
        const place = { target, workload, concurrency };
        const p50 = spreadAt(report, place, 'p50Ms')?.median;
        const p99 = spreadAt(report, place, 'p99Ms')?.median;
        if (p50 === undefined || p99 === undefined) return [];
        const shown = `${figure(p50)} / ${figure(p99)}`;
        return [{ label: labelOf(target), value: p50, whisker: p99, text: shown, fill: fillOf(target) }];
      }),
    })),
  });
}

function growthChart(report: BenchReport): string {
  const features = [...new Set(report.growth.map((cell) => cell.features))].sort((a, b) => a - b);
  return lineChartSvg({
    title: 'CPU time by size of the request',
    subtitle: 'Sideboard reading Redis; a straight rise of one decade per decade is cost in proportion to the values.',
    xLabel: 'values in the request (features × entities)',
    yLabel: 'µs of CPU per request',
    series: features.map((count, index) => ({
      label: `${count} features`,
      stroke: lines[index % lines.length] ?? lines[0],
      points: growthPoints(report, count),
    })),
  });
}

function growthPoints(report: BenchReport, features: number): (readonly [number, number])[] {
  const cells = report.growth.filter((cell) => cell.features === features && cell.requests > 0);
  return [...new Set(cells.map((cell) => cell.entities))]
    .sort((a, b) => a - b)
    .flatMap((entities) => {
      const own = cells.filter((cell) => cell.entities === entities);
      const spread = spreadOf(own.map((cell) => cell.cpuUsPerRequest));
      return spread === undefined || spread.median <= 0 ? [] : [[entities * features, spread.median] as const];
    });
}

function fillOf(target: string): string {
  if (target.startsWith('sideboard')) return OURS;
  return target === 'redis-direct' || target === 'grpcjs-echo' ? FLOOR : OTHERS;
}
