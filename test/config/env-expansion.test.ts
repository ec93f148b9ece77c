// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are configuration that refers to ${VAR}.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { expandEnv, sourceOffset } from '../../src/config/env-expansion.ts';
import { readGoldenLines } from '../support/golden.ts';

interface Recorded {
  readonly env?: Record<string, string>;
  readonly text?: string;
  readonly expanded?: string;
}

const expand = (text: string, env: NodeJS.ProcessEnv = {}): string => expandEnv(text, env).text;

describe('env expansion', () => {
  it("gives what Python's os.path.expandvars gave", () => {
    const [first, ...cases] = readGoldenLines<Recorded>('config', 'expandvars.jsonl');
    assert.ok(cases.length > 30);
    for (const { text = '', expanded } of cases) assert.equal(expand(text, first?.env), expanded, text);
  });

  it('takes the default of ${VAR:default} only where the variable is not set', () => {
    assert.equal(expand('${PORT:6379}', {}), '6379');
    assert.equal(expand('${PORT:6379}', { PORT: '7000' }), '7000');
    assert.equal(expand('[${PORT:6379}]', { PORT: '' }), '[]');
    assert.equal(expand('[${PORT:}]', {}), '[]');
    assert.equal(expand('${URL:redis://h:1}', {}), 'redis://h:1');
  });

  it('takes off the quotes around a default, as Feast documents it', () => {
    assert.equal(expand('${C:"0.0.0.0:6379"}', {}), '0.0.0.0:6379');
    assert.equal(expand("s3://${B:'b'}/r.db", {}), 's3://b/r.db');
    assert.equal(expand('${C:"}', {}), '"');
  });

  it("leaves a default that starts like a shell's operator alone, and says so", () => {
    const expanded = expandEnv('${HOST:-localhost}', {});
    assert.equal(expanded.text, '${HOST:-localhost}');
    assert.deepEqual(
      expanded.references.map(({ name, outcome }) => [name, outcome]),
      [['HOST', 'ambiguous']],
    );
    assert.equal(expand('${HOST:-localhost}', { HOST: 'db' }), 'db');
    assert.equal(expand('${OFFSET:"-1"}', {}), '-1');
  });

  it('does not take inherited properties for variables', () => {
    assert.equal(expand('${constructor} $toString', {}), '${constructor} $toString');
  });

  it('leads every kept character back to where it stood', () => {
    const piece = fc.constantFrom('${A}', '$A', '${B:def}', '${NONE}', 'x', '\n', ': ', '$', '{', '}');
    fc.assert(
      fc.property(fc.array(piece), fc.string(), (pieces, value) => {
        const source = pieces.join('');
        const expanded = expandEnv(source, { A: value });
        const replaced = expanded.references.filter(({ outcome }) => outcome === 'set' || outcome === 'default');
        for (let offset = 0; offset < expanded.text.length; offset += 1) {
          const from = replaced.find(({ start, end }) => start <= offset && offset < end);
          const origin = sourceOffset(expanded, offset);
          if (from !== undefined) assert.equal(origin, from.sourceStart);
          else assert.equal(source[origin], expanded.text[offset]);
        }
      }),
    );
  });
});
