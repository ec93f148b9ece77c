import assert from 'node:assert/strict';
import { hasAllowedName } from '../../src/transports/tls/client-names.ts';
import type { FuzzTarget } from './fuzz-target.ts';

/** The kind under which a name is looked for, in other words than the product's. */
const KINDS = {
  'spiffe://x/model': 'URI',
  'model.internal': 'DNS',
  'model@ml.test': 'email',
  '10.1.2.3': 'IP Address',
};

/**
 * Names of a certificate, one a line as `kind:value`, which whoever gets certificates from an authority may choose: shown as node shows
 * them, in quotes where there is anything unusual in them. Whatever they are, only a whole name of its own kind is allowed.
 */
export const clientNames: FuzzTarget = {
  name: 'client-names',
  form: 'text',
  tokens: [
    ...Object.keys(KINDS),
    ...Object.values(KINDS).map((kind) => `${kind}:`),
    ', ',
    '"',
    '\\',
    '\n',
    'u002c',
    'DirName:',
  ],
  seeds: () =>
    [
      'DNS:model.internal\nURI:spiffe://x/model',
      'IP Address:10.1.2.3\nemail:model@ml.test',
      'URI:spiffe://x/a, DNS:model.internal\nDNS:"model.internal"',
    ].map((text) => Buffer.from(text)),
  check(input) {
    const names = input
      .toString('utf8')
      .split('\n')
      .map((line) => /^(DNS|URI|email|IP Address|DirName|othername):(.*)$/s.exec(line) ?? [])
      .flatMap(([, kind, value]) => (kind === undefined || value === undefined ? [] : [{ kind, value }]));
    const shown = names.map(({ kind, value }) => `${kind}:${asShown(value)}`).join(', ');
    for (const [wanted, kind] of Object.entries(KINDS)) {
      const fold = (text: string) => (kind === 'DNS' ? text.toLowerCase() : text);
      const there = names.some((name) => name.kind === kind && fold(name.value) === wanted);
      assert.equal(hasAllowedName(shown, [wanted]), there, `${wanted} in ${shown}`);
    }
    // What is not a list of names at all lets nobody in by more than a name that is written in it.
    const raw = input.toString('utf8');
    for (const wanted of Object.keys(KINDS)) {
      if (hasAllowedName(raw, [wanted])) assert.ok(unescaped(raw).toLowerCase().includes(wanted), raw);
    }
  },
};

/** Node quotes a value, as JSON with escaped commas, that has quotes, commas, backslashes or control characters in it. */
function asShown(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
  return /[",\\'\u0000-\u001f\u007f-\uffff]/.test(value) ? JSON.stringify(value).replaceAll(',', '\\u002c') : value;
}

/** A text with whatever JSON may have written in another way. */
function unescaped(text: string): string {
  return text
    .replace(/\\u([0-9a-fA-F]{4})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    .replace(/\\\//g, '/');
}
