import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ErrorCatalogue } from '../../src/errors.ts';
import { GrpcStatus, statusOfKind } from '../../src/transports/grpc/grpc-status.ts';
import { projectRoot } from '../support/project-root.ts';

interface Row {
  readonly code: string;
  readonly status: string;
  readonly meaning: string;
  readonly advice: string;
}

const statusNames = new Map<number, string>(Object.entries(GrpcStatus).map(([name, number]) => [number, name]));

describe('docs/reference/errors.md', () => {
  const rows = readRows();
  let catalogues: ReadonlyMap<string, ErrorCatalogue>;

  before(async () => {
    catalogues = await loadCatalogues();
  });

  it('finds the catalogues of the layers that have one', () => {
    assert.ok(catalogues.size >= 6, [...catalogues.keys()].join(', '));
  });

  it('lists every code of every catalogue, and no other', () => {
    const codes = [...catalogues.values()].flatMap((catalogue) => Object.keys(catalogue));
    assert.deepEqual(rows.map(({ code }) => code).sort(), [...new Set(codes)].sort());
  });

  it('gives each code the gRPC status that callers get', () => {
    const documented = new Map(rows.map(({ code, status }) => [code, status]));
    for (const [name, catalogue] of catalogues) {
      for (const [code, { kind }] of Object.entries(catalogue)) {
        assert.equal(documented.get(code), statusNames.get(statusOfKind[kind]), `${name}.${code}`);
      }
    }
  });

  it('says for each code what it means and what to do', () => {
    for (const { code, meaning, advice } of rows) {
      assert.match(meaning, /^[A-Z].*\.$/, code);
      assert.match(advice, /^[A-Z].*\.$/, code);
    }
  });
});

describe('error catalogues', () => {
  it('give a code that two layers share the same kind', async () => {
    const kinds = new Map<string, string>();
    for (const [name, catalogue] of await loadCatalogues()) {
      for (const [code, { kind }] of Object.entries(catalogue)) {
        assert.equal(kinds.get(code) ?? kind, kind, `${name}.${code}`);
        kinds.set(code, kind);
      }
    }
  });

  it('summarise each code in a sentence', async () => {
    for (const [name, catalogue] of await loadCatalogues()) {
      for (const [code, { summary }] of Object.entries(catalogue)) {
        assert.match(code, /^[A-Z][A-Z0-9_]+$/, name);
        assert.match(summary, /^[A-Z].*\.$/, `${name}.${code}`);
      }
    }
  });
});

/** The rows of the tables whose first column is a code. */
function readRows(): readonly Row[] {
  const rows: Row[] = [];
  for (const line of readFileSync(join(projectRoot, 'docs/reference/errors.md'), 'utf8').split('\n')) {
    const [, code, status, meaning, advice] = /^\| `(\w+)` \| `(\w+)` \| (.+) \| (.+) \|$/.exec(line) ?? [];
    if (code !== undefined && status !== undefined && meaning !== undefined && advice !== undefined) {
      rows.push({ code, status, meaning, advice });
    }
  }
  return rows;
}

/** What files named `*-error.ts` export under a name that ends in `Errors`, by that name. */
async function loadCatalogues(): Promise<ReadonlyMap<string, ErrorCatalogue>> {
  const compiled = import.meta.url.endsWith('.js');
  const source = join(projectRoot, compiled ? 'build/src' : 'src');
  const ending = compiled ? '-error.js' : '-error.ts';
  const catalogues = new Map<string, ErrorCatalogue>();
  for (const file of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith(ending)) continue;
    const module: Record<string, unknown> = await import(pathToFileURL(join(source, file)).href);
    for (const [name, value] of Object.entries(module)) {
      if (name.endsWith('Errors')) catalogues.set(name, value as ErrorCatalogue);
    }
  }
  return catalogues;
}
