/** Definitions that are refused, and the whole of the error, message and hint. */
export interface BadDocument {
  readonly says: string;
  readonly yaml: string;
  /** As `describe()` puts it; several findings are lines of it. */
  readonly error: readonly string[];
}

const source = (more: string): string => `sources:\n  - {name: s, type: file, path: p.csv, timestamp_field: t${more}}`;

/** Files, projects, entities and sources that are refused. */
export const badDocuments: readonly BadDocument[] = [
  {
    says: 'an empty file',
    yaml: '# nothing',
    error: ['D:1:1: the file is empty. It holds project, entities, sources, feature_views, feature_services.'],
  },
  {
    says: 'a list',
    yaml: '- a',
    error: [
      'D:1:1: expected a mapping of definitions. It holds project, entities, sources, feature_views, feature_services.',
    ],
  },
  {
    says: 'an unknown section',
    yaml: 'features: []',
    error: [
      'D:1:1: features: unknown setting. Known here: project, entities, sources, feature_views, feature_services.',
    ],
  },
  {
    says: 'a mistyped section',
    yaml: 'entites: []',
    error: ['D:1:1: entites: unknown setting. Did you mean entities?'],
  },
  {
    says: 'a key that stands twice',
    yaml: 'entities: []\nentities: []',
    error: [
      'D:2:1: not valid YAML at column 1: this key stands twice in one mapping. Keep one of them: Feast would silently take the last.',
    ],
  },
  {
    says: 'broken YAML',
    yaml: 'entities: [',
    error: ['D:1:12: not valid YAML at column 12: the indentation does not fit the lines above.'],
  },
  {
    says: 'a variable that is not set',
    yaml: `project:\n  owner: \${OWNER}`,
    error: [
      `D:2:10: project.owner: the environment variable OWNER is not set. Set it, or give it a default: \${OWNER:default}.`,
    ],
  },
  {
    says: 'a list where a mapping belongs',
    yaml: 'project: []',
    error: ['D:1:1: project: expected a mapping, got a list.'],
  },
  {
    says: 'the name of the project',
    yaml: 'project: {name: p}',
    error: ['D:1:11: project.name: unknown setting. Known here: description, owner, tags.'],
  },
  {
    says: 'a tag that is a number',
    yaml: 'project:\n  tags: {tier: 1}',
    error: ['D:2:10: project.tags.tier: expected text, got 1. Put it in quotes to make it text.'],
  },
  {
    says: 'an entity without a name',
    yaml: 'entities:\n  - {join_key: a}',
    error: ['D:2:5: entities.0.name: missing: expected text that is not empty, other than __dummy and __dummy_id.'],
  },
  {
    says: 'a reserved name',
    yaml: 'entities: [{name: __dummy}]',
    error: [
      'D:1:13: entities.0.name: expected text that is not empty, other than __dummy and __dummy_id, got "__dummy".',
    ],
  },
  {
    says: 'a join key that is a number',
    yaml: 'entities:\n  - name: a\n    join_key: 5',
    error: [
      'D:3:5: entities.0.join_key: expected text that is not empty, other than __dummy and __dummy_id, got 5. Put it in quotes to make it text.',
    ],
  },
  {
    says: 'a type that cannot be a key',
    yaml: 'entities: [{name: a, value_type: Float64}]',
    error: ['D:1:22: entities.0.value_type: expected Int64, Int32, String, Bytes or UnixTimestamp, got "Float64".'],
  },
  {
    says: 'several join keys',
    yaml: 'entities: [{name: a, join_keys: [b, c]}]',
    error: ['D:1:22: entities.0.join_keys: unknown setting. Did you mean join_key?'],
  },
  {
    says: 'two entities of one name',
    yaml: 'entities:\n  - {name: a}\n  - {name: a}',
    error: ['D:3:6: entities.1.name: the entity "a" is defined twice: the other one is at D:2.'],
  },
  {
    says: 'a surrogate key of nothing',
    yaml: 'entities: [{name: a, surrogate_key: {columns: []}}]',
    error: ['D:1:38: entities.0.surrogate_key.columns: expected a list of one or more column names, got a list.'],
  },
  {
    says: 'a surrogate key of itself',
    yaml: 'entities: [{name: a, surrogate_key: {columns: [a]}}]',
    error: ['D:1:38: entities.0.surrogate_key.columns: cannot hold "a" itself: a request that sends it sends the key.'],
  },
  {
    says: 'an unknown algorithm',
    yaml: 'entities: [{name: a, surrogate_key: {columns: [b], algorithm: md5}}]',
    error: ['D:1:52: entities.0.surrogate_key.algorithm: expected polars-1, polars-2.0, polars-0.20 or sha256-spark.'],
  },
  {
    says: 'the tag of the surrogate key',
    yaml: "entities: [{name: a, tags: {'sideboard:surrogate_key': x}}]",
    error: [
      'D:1:29: entities.0.tags.sideboard:surrogate_key: the registry keeps surrogate_key under this tag. Use the key surrogate_key.',
    ],
  },
  {
    says: 'one join key made in two ways',
    yaml: 'entities:\n  - {name: a, join_key: k, surrogate_key: {columns: [x]}}\n  - {name: b, join_key: k, surrogate_key: {columns: [y]}}',
    error: ['D:3:28: entities.1.surrogate_key: makes the join key "k" in another way than the entity at D:2.'],
  },
  {
    says: 'a source of no type',
    yaml: 'sources: [{name: s, path: p}]',
    error: ['D:1:11: sources.0.type: missing: expected file, push or request.'],
  },
  {
    says: 'a source of an unknown type',
    yaml: 'sources: [{name: s, type: kafka}]',
    error: ['D:1:21: sources.0.type: expected file, push or request, got "kafka".'],
  },
  { says: 'a source that is a text', yaml: 'sources: [s]', error: ['D:1:11: sources.0: expected a mapping, got "s".'] },
  {
    says: 'a file source without its columns and with another’s key',
    yaml: 'sources: [{name: s, type: file, path: p, batch_source: b}]',
    error: [
      'D:1:11: sources.0.timestamp_field: missing: expected text that is not empty.',
      'D:1:42: sources.0.batch_source: unknown setting. Known here: type, name, path, format, timestamp_field, created_timestamp_column, field_mapping, s3_endpoint_override, description, owner, tags.',
    ],
  },
  {
    says: 'an unknown format',
    yaml: source(', format: avro'),
    error: ['D:2:60: sources.0.format: expected parquet, csv or jsonl, got "avro".'],
  },
  {
    says: 'one column for both times',
    yaml: source(', created_timestamp_column: t'),
    error: [
      'D:2:60: sources.0.created_timestamp_column: is the same column as timestamp_field, which Feast refuses. Remove it.',
    ],
  },
  {
    says: 'a push source over nothing',
    yaml: 'sources:\n  - {name: s, type: push, batch_source: files}\n  - {name: file, type: request, schema: []}',
    error: ['D:2:27: sources.0.batch_source: there is no source "files". Did you mean file (D:3)?'],
  },
  {
    says: 'a push source over a push source',
    yaml: 'sources: [{name: a, type: push, batch_source: b}, {name: b, type: push}]',
    error: ['D:1:33: sources.0.batch_source: "b" is a push source. Name a file source.'],
  },
  {
    says: 'sources that differ in case',
    yaml: 'sources:\n  - {name: a, type: push}\n  - {name: A, type: push}',
    error: [
      'D:3:6: sources.1.name: "A" differs from "a" at D:2 only in the case of letters. Feast refuses such sources.',
    ],
  },
];
