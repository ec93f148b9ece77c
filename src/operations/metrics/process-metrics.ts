import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { MetricRegistry } from './metric-registry.ts';

/** How often the delay of the event loop is looked at. */
const RESOLUTION_MS = 20;
const QUANTILES = [
  ['0.5', 50],
  ['0.99', 99],
  ['1', 100],
] as const;

/** Measures the process itself, when it is asked. @returns ends it */
export function measureProcess(registry: MetricRegistry, version: string): () => void {
  registry.number('sideboard_build_info', version, process.version).set(1);
  registry.number('process_start_time_seconds').set(performance.timeOrigin / 1000);
  const cpu = registry.number('process_cpu_seconds_total');
  const resident = registry.number('process_resident_memory_bytes');
  const heap = registry.number('sideboard_heap_used_bytes');
  const descriptors = registry.number('process_open_fds');
  const busy = registry.number('sideboard_event_loop_busy_seconds_total');
  const delays = QUANTILES.map(([label, percentile]) => {
    return { series: registry.number('sideboard_event_loop_delay_seconds', label), percentile };
  });
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  registry.onCollect(() => {
    const { user, system } = process.cpuUsage();
    cpu.set((user + system) / 1e6);
    const { rss, heapUsed } = process.memoryUsage();
    resident.set(rss);
    heap.set(heapUsed);
    descriptors.set(openDescriptors());
    busy.set(performance.eventLoopUtilization().active / 1000);
    for (const { series, percentile } of delays) {
      // What is recorded is the time between two looks.
      const seconds = delay.count === 0 ? 0 : delay.percentile(percentile) / 1e9 - RESOLUTION_MS / 1000;
      series.set(Math.max(0, seconds));
    }
    delay.reset();
  });
  return () => delay.disable();
}

/** 0 where the system does not tell. */
function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}
