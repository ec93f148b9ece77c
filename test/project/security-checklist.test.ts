import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parse } from 'yaml';
import { projectRoot } from '../support/project-root.ts';

interface Check {
  readonly text: string;
  readonly ticked: boolean;
  readonly shownBy: readonly { readonly file: string; readonly title: string }[];
}

interface Job {
  readonly needs?: string;
  readonly steps: readonly { readonly run?: string }[];
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

  it('a release asks the registry about its packages, and then builds on a base with a digest', () => {
    const { on, jobs }: { on: object; jobs: Readonly<Record<string, Job>> } = parse(
      read('.github/workflows/release.yml'),
    );
    assert.ok('push' in on && 'schedule' in on);
    const runs = (job: Job | undefined) => job?.steps.flatMap(({ run }) => (run === undefined ? [] : [run.trim()]));
    assert.deepEqual(runs(jobs.packages), ['npm ci --ignore-scripts', 'npm audit', 'npm audit signatures']);
    assert.equal(jobs.image?.needs, 'packages');
    assert.match(runs(jobs.image)?.[0] ?? '', /--build-arg NODE_IMAGE="\$\(scripts\/pinned-base\.sh\)"/);
  });

  it('the actions of the workflows are pinned by commit, renewed, and keep no token', () => {
    const workflows = readdirSync(join(projectRoot, '.github', 'workflows')).map((name) =>
      read(`.github/workflows/${name}`),
    );
    const uses = workflows.flatMap((text) => text.match(/uses: .*/g) ?? []);
    assert.ok(uses.length >= 8, `${uses.length}`);
    for (const line of uses) assert.match(line, /^uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    const checkouts = workflows.flatMap((text) => text.split('uses: actions/checkout@').slice(1));
    assert.ok(checkouts.length >= 5, `${checkouts.length}`);
    for (const step of checkouts) assert.match(step, /^.*\n +with:\n +persist-credentials: false\n/);
    assert.match(read('.github/dependabot.yml'), /package-ecosystem: github-actions/);
  });

  it('a base is named by what its registry answers, or not at all', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sideboard-base-'));
    const digest = `sha256:${'7'.repeat(64)}`;
    const pinned = (answer: string) => {
      writeFileSync(join(folder, 'docker'), `#!/bin/sh\necho "$*" >&2\n${answer}\n`, { mode: 0o755 });
      const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH ?? ''}` };
      return spawnSync(join(projectRoot, 'scripts/pinned-base.sh'), { env, encoding: 'utf8' });
    };
    try {
      const named = pinned(`printf 'Name: x\\nDigest:    ${digest}\\nManifests:\\n  Digest: other\\n'`);
      assert.equal(named.stdout, `node:24-bookworm-slim@${digest}\n`, named.stderr);
      assert.match(named.stderr, /^buildx imagetools inspect node:24-bookworm-slim$/m);
      for (const answer of ["echo 'Digest: latest'", 'true', 'exit 1']) {
        const { status, stdout } = pinned(answer);
        assert.notEqual(status, 0, answer);
        assert.equal(stdout, '');
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
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
