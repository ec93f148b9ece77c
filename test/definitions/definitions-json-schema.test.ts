import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { YamlSource } from '../../src/config/yaml-source.ts';
import { definitionsJsonSchema } from '../../src/definitions/definitions-json-schema.ts';
import { twins, twinText } from '../support/definition-messages.ts';
import { projectRoot } from '../support/project-root.ts';

const published: unknown = JSON.parse(
  readFileSync(join(projectRoot, 'docs', 'reference', 'definitions.schema.json'), 'utf8'),
);

/** Documents that a schema can tell to be wrong. */
const wrong: readonly string[] = [
  'entitys: []',
  'entities: [{join_key: a}]',
  'entities: [{name: a, value_type: Float64}]',
  'entities: [{name: a, surrogate_key: {columns: []}}]',
  'entities: [{name: a, surrogate_key: {columns: [b], algorithm: polars-9}}]',
  'entities: driver',
  'sources: [{name: s, type: files, path: p, timestamp_field: t}]',
  'sources: [{name: s, type: file, timestamp_field: t}]',
  'sources: [{name: s, type: file, path: p, timestamp_field: t, format: avro}]',
  'sources: [{name: s, type: push, path: p}]',
  'feature_views: [{name: v, schema: []}]',
  'feature_views: [{name: a@b, schema: [{name: f, dtype: Int64}]}]',
  'feature_views: [{name: v, schema: [{name: f, dtype: int64}]}]',
  'feature_views: [{name: v, schema: [{name: f, dtype: Int64, type: Int64}]}]',
  'feature_views: [{name: v, ttl: 1 day, schema: [{name: f, dtype: Int64}]}]',
  'feature_views: [{name: v, ttl: 1h2d, schema: [{name: f, dtype: Int64}]}]',
  'feature_views: [{name: v, online: on line, schema: [{name: f, dtype: Int64}]}]',
  'feature_views: [{name: v, version: two, schema: [{name: f, dtype: Int64}]}]',
  'feature_services: [{name: s}]',
  'feature_services: [{name: s, features: [{name: v}]}]',
  'project: {name: p}',
];

describe('the published JSON Schema of definitions', () => {
  const schema = z.fromJSONSchema(published as Parameters<typeof z.fromJSONSchema>[0]);
  const accepts = (text: string): boolean => schema.safeParse(YamlSource.parse('a.yaml', text, {}).data).success;

  it('is what the code says: npm run gen:definitions writes it', () => {
    assert.deepEqual(published, JSON.parse(JSON.stringify(definitionsJsonSchema())));
  });

  it('accepts definitions that load', () => {
    for (const twin of twins) assert.ok(accepts(twinText(twin).text), twin.name);
    assert.ok(accepts('entities:\nfeature_views:\n'));
  });

  it('does not accept what is wrong in itself', () => {
    for (const text of wrong) assert.ok(!accepts(text), text);
  });

  it('explains every key', () => {
    const silent: string[] = [];
    collectSilentKeys(published, '', silent);
    assert.deepEqual(silent, []);
  });
});

/** Keys of mappings without a description of their own. */
function collectSilentKeys(node: unknown, path: string, into: string[]): void {
  if (typeof node !== 'object' || node === null) return;
  for (const [key, value] of Object.entries(node)) {
    if (key === 'properties' && path !== '') {
      for (const [name, property] of Object.entries(
        value as Record<string, { description?: string; const?: string }>,
      )) {
        if (property.description === undefined && property.const === undefined) into.push(`${path}.${name}`);
      }
    }
    collectSilentKeys(value, `${path}/${key}`, into);
  }
}
