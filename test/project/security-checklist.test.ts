import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../support/project-root.ts';

interface Check {
  readonly text: string;
  readonly ticked: boolean;
  readonly shownBy: readonly { readonly file: string; readonly title: string }[];
}

const read = (file: string): string => readFileSync(join(projectRoot, file), 'utf8');

describe('the checklist in docs/reference/security.md', () => {
  const checks = checksFrom(read('docs/reference/security.md'));

  it('has every part that was asked for', () => {
    const page = read('docs/reference/security.md');
    const parts = page.slice(page.indexOf('\n## Checklist\n')).match(/^### .*/gm) ?? [];
    assert.equal(parts.length, 7, parts.join('\n'));
    assert.ok(checks.length >= 25, `${checks.length} checks`);
  });

  it('names for each check that is ticked a test that there is', () => {
    const titles = new Map<string, ReadonlySet<string>>();
    for (const { text, ticked, shownBy } of checks) {
      if (ticked) assert.ok(shownBy.length > 0, `nothing shows: ${text}`);
      for (const { file, title } of shownBy) {
        assert.ok(existsSync(join(projectRoot, file)), file);
        const known = titles.get(file) ?? titlesIn(read(file));
        titles.set(file, known);
        assert.ok(known.has(title), `${file} has no test "${title}"`);
      }
    }
  });

  it('says of each check that is not ticked why', () => {
    for (const { text, ticked } of checks) assert.equal(/\. Why not: \S.*\.$/.test(text), !ticked, text);
  });
});

describe('what the checklist says of the program', () => {
  const tracked = (folder: string): readonly string[] =>
    execFileSync('git', ['-c', 'safe.directory=*', 'ls-files', '-z', '--', folder], {
      cwd: projectRoot,
      encoding: 'utf8',
    })
      .split('\0')
      .filter((file) => file !== '' && existsSync(join(projectRoot, file)));

  it('no option of the command line takes a secret', () => {
    const options = read('docs/reference/cli.md').match(/--[a-z][a-z-]+(?=[ =]<)/g) ?? [];
    assert.ok(options.length > 20, `${options.length} options`);
    assert.deepEqual(
      options.filter((option) => /password|passwd|secret|token|credential|-key$/.test(option)),
      [],
    );
  });

  it('nothing here opens the inspector or channelz', () => {
    const sources = tracked('src').filter((file) => file.endsWith('.ts'));
    assert.ok(sources.length > 200, `${sources.length} files`);
    const opener = /node:inspector|['"]inspector['"]|addAdminServicesToServer|getChannelzHandlers|--inspect/;
    assert.deepEqual(
      [...sources, ...tracked('docker')].filter((file) => opener.test(read(file))),
      [],
    );
  });

  it('the image is installed without running scripts of packages', () => {
    const installs = read('docker/Dockerfile').match(/^RUN .*npm (?:ci|install|i)\b.*/gm) ?? [];
    assert.ok(installs.length > 0);
    for (const line of installs) assert.match(line, /npm ci --ignore-scripts/);
  });
});

/** Lines `- [x] what is checked`, with lines `  - \`file\`: title of a test` and what is wrapped of the text under them. */
function checksFrom(page: string): readonly Check[] {
  const [, list = ''] = page.split('\n## Checklist\n');
  return list
    .split(/^(?=- \[[ x]\] )/m)
    .slice(1)
    .map((item) => {
      const [body = ''] = item.split(/^### /m);
      const shownBy = [...body.matchAll(/^ {2}- `([^`]+)`: (.+)$/gm)].map(([, file = '', title = '']) => ({
        file,
        title,
      }));
      const text = body
        .replace(/^ {2}- `.*$/gm, '')
        .replace(/\s+/g, ' ')
        .slice('- [x] '.length)
        .trim();
      return { text, ticked: item.startsWith('- [x]'), shownBy };
    });
}

/** Titles of `it`, with `…` for each part that a title takes from a variable. */
function titlesIn(source: string): ReadonlySet<string> {
  const found = source.matchAll(/\bit\(\s*(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|`((?:\\.|[^`\\])*)`)/g);
  return new Set(
    [...found].map(([, single, double, template]) =>
      (single ?? double ?? template ?? '').replace(/\$\{[^{}]*\}/g, '…').replace(/\\(.)/g, '$1'),
    ),
  );
}
