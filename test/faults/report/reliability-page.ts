import type { SavedMutation, SavedReport, SavedRow } from './saved-report.ts';

const INTRODUCTION = `# Reliability

What Sideboard was put through on purpose, and how it came out. Every value that is stored says which entity, feature and version it
belongs to, and the clients verify all of them, in every row: an answer that is late or an error is one thing, a wrong one another.

This page is written by \`npm run test:faults:long\` and \`npm run test:faults:mutations\`; nothing in it is typed by hand. A row that is run
again replaces its own figures only. The same rows run in a short form, with smaller numbers, in every run of the tests.

The base load is 500 requests a second over 16 connections, each for 10 entities and 20 features, with a deadline of 100 ms. Store,
product and load generator share one machine, so times include what they take from one another. A figure that is "told" is shown and not judged.`;

/** The page as Markdown. */
export function reliabilityPage({ rows, mutations }: SavedReport): string {
  const parts = [INTRODUCTION];
  if (rows.length === 0) parts.push('No row has been run in full yet.');
  else parts.push(overview(rows), ...rows.map(rowSection));
  if (mutations.length > 0) parts.push(mutationSection(rows, mutations));
  return `${parts.join('\n\n')}\n`;
}

function overview(rows: readonly SavedRow[]): string {
  const lines = rows.map(
    (row) =>
      `| [${row.id}](#${anchorOf(row)}) | ${cell(row.injected)} | ${verdictText(row)} | ${duration(row.seconds)} | ` +
      `${row.circumstances.date} | ${row.circumstances.commit} |`,
  );
  return [
    '## Overview',
    '',
    '| row | injected | verdict | took | on | commit |',
    '|---|---|---|---|---|---|',
    ...lines,
  ].join('\n');
}

function rowSection(row: SavedRow): string {
  const { cpu, cores, memoryGb, system, node, commit, date } = row.circumstances;
  const parts = [`## ${headingOf(row)}`, `Injected: ${row.injected}.`];
  if (row.reason !== undefined) {
    const [first = ''] = row.reason.split('\n');
    parts.push(row.verdict === 'skipped' ? `Not run: ${first}.` : `Could not be carried out: \`${cell(first)}\``);
  }
  if (row.report.figures.length > 0) {
    const lines = row.report.figures.map(
      ({ name, asked, reached, verdict }) => `| ${cell(name)} | ${cell(asked)} | ${cell(reached)} | ${verdict} |`,
    );
    parts.push(['| figure | asked | reached | verdict |', '|---|---|---|---|', ...lines].join('\n'));
  }
  if (row.report.notes.length > 0) parts.push(row.report.notes.map((note) => `- ${note}`).join('\n'));
  const form = row.form === 'short' ? ' In its **short form**, not at full length.' : '';
  parts.push(
    `${date}, commit ${commit}, ${duration(row.seconds)}, seed ${row.seed}, on ${cores} cores of ${cpu} with ${memoryGb} GB, ${system}, Node ${node}.${form}`,
  );
  return parts.join('\n\n');
}

function mutationSection(rows: readonly SavedRow[], mutations: readonly SavedMutation[]): string {
  const shown = new Set(mutations.map(({ row }) => row));
  const missing = rows.flatMap(({ id }) => (shown.has(id) ? [] : [id]));
  const lines = mutations.map(
    ({ row, name, file, noticed, by, circumstances }) =>
      `| ${row} | ${cell(name)} | \`${file}\` | ${noticed ? 'yes' : '**no**'} | ${cell(figureOf(by))} | ${circumstances.commit} |`,
  );
  return [
    '## Can the rows fail?',
    '',
    'Rows were run against copies of the product with one change each that breaks what the row is there for. They have to notice.',
    '',
    ...(missing.length === 0 ? [] : [`This was not done yet with ${missing.join(', ')}.`, '']),
    '| row | the change | in | noticed | by | commit |',
    '|---|---|---|---|---|---|',
    ...lines,
  ].join('\n');
}

/** The figure that failed, without the samples behind it. */
function figureOf(by: string): string {
  return by.split(';')[0] ?? '';
}

function headingOf({ id, title }: SavedRow): string {
  return `${id}: ${title}`;
}

/** As GitHub makes them of headings. */
function anchorOf(row: SavedRow): string {
  return headingOf(row)
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}

function verdictText({ verdict, form }: SavedRow): string {
  return `${verdict === 'fail' ? '**fail**' : verdict}${form === 'short' ? ' (short form)' : ''}`;
}

function duration(seconds: number): string {
  return seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

function cell(text: string): string {
  return text
    .replaceAll('|', '\\|')
    .replace(/\s*\n\s*/g, ' ')
    .replaceAll('<', '&lt;')
    .slice(0, 400);
}
