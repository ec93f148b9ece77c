import type { BenchReport } from './bench-report.ts';
import { loadingGoals } from './loading-goals.ts';
import type { LoadingReport } from './loading-report.ts';
import { loadingText } from './loading-section.ts';
import { goalTable, sections } from './sections.ts';

const titles: Readonly<Record<string, string>> = {
  conditions: 'Conditions',
  goals: 'Asked and reached',
  cpu: 'CPU time',
  latency: 'Latency and throughput',
  memory: 'Memory and start-up',
  growth: 'Cost by size of the request',
  profile: 'Where the time goes',
  loading: 'Loading and pushing',
};

/** The whole report as one Markdown document. */
export function markdownFromReport(report: BenchReport): string {
  const parts = Object.entries(sections).map(([name, write]) => `## ${titles[name] ?? name}\n\n${write(report)}`);
  return `# Bench report\n\n${parts.join('\n\n')}\n`;
}

/** What a run measured of loading and pushing, as a document of its own. */
export function markdownFromLoading(report: LoadingReport): string {
  return `# Loading and pushing\n\n${loadingText(report)}\n\n${goalTable(loadingGoals(report))}\n`;
}

/**
 * A page with its measured parts filled in: what stands between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->` is replaced
 * by that part of the report. @throws Error for a name that no part has, or a mark that is not closed
 */
export function fillPage(page: string, report: BenchReport): string {
  const marks = /<!-- bench:(\w+) -->[\s\S]*?<!-- (\/?)bench:(\w+) -->/g;
  return page.replace(marks, (_all, name: string, slash: string, closing: string) => {
    const write = sections[name];
    if (write === undefined) throw new Error(`no part of the report is called ${name}`);
    if (slash === '' || closing !== name) throw new Error(`the mark of ${name} is not closed`);
    return `<!-- bench:${name} -->\n\n${write(report)}\n\n<!-- /bench:${name} -->`;
  });
}
