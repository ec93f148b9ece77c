import cliProgress from 'cli-progress';
import type { ViewProgress } from '../ingest/materialize/materialize-view.ts';
import type { Io } from './io.ts';

export interface StoppableProgress extends ViewProgress {
  stop(): void;
}

/** A bar on a terminal, a line now and then elsewhere. Both go to standard error. */
export function createMaterializeProgress(io: Io, view: string, intervalSeconds: number): StoppableProgress {
  return io.stderrIsTerminal ? progressBar(view) : progressLines(io, view, intervalSeconds);
}

function progressBar(view: string): StoppableProgress {
  const bar = new cliProgress.SingleBar({
    stream: process.stderr,
    format: `${view}  {bar} {percentage}%  {rows}  {rate} rows/s  {duration_formatted}, {left} left`,
    clearOnComplete: true,
    hideCursor: true,
    barsize: 24,
    fps: 5,
  });
  const state = new Progress();
  bar.start(1, 0, { rows: 'reading', rate: '-', left: '-' });
  const show = (): void => {
    const { total, stored, read } = state;
    const rate = state.rate();
    const left = rate > 0 && total > 0 ? duration((total - stored) / rate) : '-';
    bar.setTotal(Math.max(total, 1));
    bar.update(stored, {
      rows: total > 0 ? `${stored} of ${total} rows written` : `${read} rows read`,
      rate: rate > 0 ? Math.round(rate) : '-',
      left,
    });
  };
  return {
    read(rows) {
      // Told row by row: the bar is drawn five times a second.
      state.read = rows;
      if (rows % 1000 === 0) show();
    },
    total(rows) {
      state.begin(rows);
      show();
    },
    stored(rows) {
      state.stored = rows;
      show();
    },
    sent: () => bar.update(state.total, { rows: `${state.total} rows, being made visible`, rate: '-', left: '-' }),
    stop: () => bar.stop(),
  };
}

function progressLines(io: Io, view: string, intervalSeconds: number): StoppableProgress {
  const state = new Progress();
  let isSent = false;
  const timer = setInterval(() => {
    const { total, stored, read } = state;
    if (isSent) {
      io.note(`${view}: all ${total} rows are with the store, which makes them visible`);
      return;
    }
    if (total === 0) {
      io.note(`${view}: ${read} rows read`);
      return;
    }
    const rate = state.rate();
    const left = rate > 0 ? `, ${duration((total - stored) / rate)} left` : '';
    io.note(`${view}: ${stored} of ${total} rows written (${Math.round(rate)} rows/s${left})`);
  }, intervalSeconds * 1000);
  return {
    read(rows) {
      state.read = rows;
    },
    total: (rows) => state.begin(rows),
    stored(rows) {
      state.stored = rows;
    },
    sent() {
      isSent = true;
    },
    stop: () => clearInterval(timer),
  };
}

class Progress {
  read = 0;
  total = 0;
  stored = 0;
  #began = 0;

  begin(total: number): void {
    this.total = total;
    this.#began = performance.now();
  }

  /** Rows per second since the first one could be written. */
  rate(): number {
    const seconds = (performance.now() - this.#began) / 1000;
    return this.#began === 0 || seconds <= 0 ? 0 : this.stored / seconds;
  }
}

/** `1:05` for minutes and seconds, `2:00:00` with hours. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((part) => part.toString().padStart(2, '0'));
  const hours = Math.floor(whole / 3600);
  return hours > 0 ? `${hours}:${parts.join(':')}` : parts.join(':').replace(/^0/, '');
}
