import type { BadDocument } from './bad-documents.ts';

const entities = 'entities: [{name: driver, join_key: driver_id, value_type: Int64}]';
const view = (more: string): string => `feature_views:\n  - {name: v, schema: [{name: f, dtype: Int64}], ${more}}`;
const field = (dtype: string): string => `feature_views:\n  - name: v\n    schema:\n      - {name: f, dtype: ${dtype}}`;
const source = (more: string): string => `sources:\n  - {name: s, type: file, path: p.csv, timestamp_field: t${more}}`;
const service = (item: string): string => `${view('')}\nfeature_services:\n  - {name: s, features: [${item}]}`;

/** Types, views and services that are refused. */
export const badViews: readonly BadDocument[] = [
  {
    says: 'an unknown type',
    yaml: field('Int46'),
    error: ['D:4:19: feature_views.0.schema.0.dtype: there is no type Int46. Did you mean Int64?'],
  },
  {
    says: 'a type in capitals',
    yaml: field('INT64'),
    error: ['D:4:19: feature_views.0.schema.0.dtype: there is no type INT64. Did you mean Int64?'],
  },
  {
    says: 'another system’s name of a type',
    yaml: field('DOUBLE'),
    error: ['D:4:19: feature_views.0.schema.0.dtype: there is no type DOUBLE. Did you mean Float64?'],
  },
  {
    says: 'a type like no other',
    yaml: field('Geography'),
    error: [
      'D:4:19: feature_views.0.schema.0.dtype: there is no type Geography. Known: Int32, Int64, Float32, Float64, String, Bytes, Bool, UnixTimestamp, ZonedTimestamp, Decimal, Uuid, TimeUuid, Json, Map, ScalarMap, PdfBytes, ImageBytes, Array, Set, Struct.',
    ],
  },
  {
    says: 'an array of nothing',
    yaml: field('Array'),
    error: [
      'D:4:19: feature_views.0.schema.0.dtype: Array needs the type of its elements in brackets, such as Array(Int64).',
    ],
  },
  {
    says: 'a set that Feast does not have',
    yaml: field('Set(Json)'),
    error: ['D:4:19: feature_views.0.schema.0.dtype: Feast has no Set of Json.'],
  },
  {
    says: 'an open bracket',
    yaml: field('Array(Set(Int64)'),
    error: ['D:4:19: feature_views.0.schema.0.dtype: a bracket is not closed behind Set(Int64).'],
  },
  {
    says: 'a struct without fields',
    yaml: field("'Struct({})'"),
    error: [
      'D:4:19: feature_views.0.schema.0.dtype: Struct needs its fields in brackets, such as Struct({a: Int64, b: String}).',
    ],
  },
  {
    says: 'a struct that is not in quotes',
    yaml: 'feature_views:\n  - name: v\n    schema:\n      - name: f\n        dtype: Struct({a: Int64})',
    error: [
      'D:5:16: not valid YAML at column 16: a second "key: value" stands on one line, or a line is indented under a value.',
    ],
  },
  {
    says: 'the tag of a type',
    yaml: "feature_views: [{name: v, schema: [{name: f, dtype: Map, tags: {'feast:struct_schema': x}}]}]",
    error: [
      'D:1:65: feature_views.0.schema.0.tags.feast:struct_schema: the registry keeps dtype under this tag. Use the key dtype.',
    ],
  },
  {
    says: 'a view without a schema',
    yaml: 'feature_views: [{name: v}]',
    error: ['D:1:17: feature_views.0.schema: missing: expected a list of one or more fields.'],
  },
  {
    says: 'a name that Feast refuses',
    yaml: 'feature_views: [{name: "a@v1", schema: [{name: f, dtype: Int64}]}]',
    error: ['D:1:18: feature_views.0.name: expected text that is not empty, without @ and :, got "a@v1".'],
  },
  {
    says: 'a ttl that is not a time',
    yaml: view('ttl: 1 day'),
    error: ['D:2:50: feature_views.0.ttl: expected a time such as 1d, 2h30m or 3600 (seconds), got "1 day".'],
  },
  {
    says: 'a negative ttl',
    yaml: view('ttl: -1'),
    error: ['D:2:50: feature_views.0.ttl: expected a time such as 1d, 2h30m or 3600 (seconds), got -1.'],
  },
  {
    says: 'a version that is none',
    yaml: view('version: newest'),
    error: ['D:2:50: feature_views.0.version: expected latest, v1, v2 and so on, got "newest".'],
  },
  {
    says: 'a flag in quotes',
    yaml: view("online: 'true'"),
    error: ['D:2:50: feature_views.0.online: expected true or false, got "true". Write it without quotes.'],
  },
  {
    says: 'an unknown entity',
    yaml: `${entities}\n${view('entities: [drivr]')}`,
    error: ['D:3:61: feature_views.0.entities.0: there is no entity "drivr". Did you mean driver (D:1)?'],
  },
  {
    says: 'an unknown entity among none',
    yaml: view('entities: [driver]'),
    error: ['D:2:61: feature_views.0.entities.0: there is no entity "driver". None is defined.'],
  },
  {
    says: 'an entity twice',
    yaml: `${entities}\n${view('entities: [driver, driver]')}`,
    error: ['D:3:69: feature_views.0.entities.1: the entity "driver" is named twice.'],
  },
  {
    says: 'two entities with one join key',
    yaml: `entities: [{name: a, join_key: k, value_type: Int64}, {name: b, join_key: k, value_type: Int64}]\n${view('entities: [a, b]')}`,
    error: [
      'D:3:64: feature_views.0.entities.1: "b" and "a" have the same join key, "k", which one view cannot hold twice.',
    ],
  },
  {
    says: 'a join key of unknown type',
    yaml: `entities: [{name: a}]\n${view('entities: [a]')}`,
    error: [
      'D:3:15: feature_views.0.schema: nothing tells the type of the join key "a" of the entity "a". Give the entity a value_type, or list the join key here with its dtype.',
    ],
  },
  {
    says: 'a join key of another type',
    yaml: `${entities}\nfeature_views:\n  - name: v\n    entities: [driver]\n    schema:\n      - {name: driver_id, dtype: String}\n      - {name: f, dtype: Int64}`,
    error: [
      'D:6:27: feature_views.0.schema.0.dtype: the join key "driver_id" is String here and Int64 in the entity "driver". Give both the same type.',
    ],
  },
  {
    says: 'a join key that cannot be a key',
    yaml: 'entities: [{name: a}]\nfeature_views: [{name: v, entities: [a], schema: [{name: a, dtype: Float64}, {name: f, dtype: Int64}]}]',
    error: [
      'D:2:61: feature_views.0.schema.0.dtype: Feast makes no entity key of a join key of the type Float64. It can be Int64, Int32, String, Bytes or UnixTimestamp.',
    ],
  },
  {
    says: 'a view without features',
    yaml: `${entities}\nfeature_views: [{name: v, entities: [driver], schema: [{name: driver_id, dtype: Int64}]}]`,
    error: ['D:2:47: feature_views.0.schema: every field is a join key: a view needs a feature.'],
  },
  {
    says: 'a field twice',
    yaml: 'feature_views:\n  - name: v\n    schema:\n      - {name: f, dtype: Int64}\n      - {name: f, dtype: String}',
    error: ['D:5:10: feature_views.0.schema.1.name: the field "f" is defined twice: the other one is at D:4.'],
  },
  {
    says: 'two vector indexes',
    yaml: 'feature_views: [{name: v, schema: [{name: a, dtype: Array(Float32), vector_index: true}, {name: b, dtype: Array(Float32), vector_index: true}]}]',
    error: ['D:1:123: feature_views.0.schema.1.vector_index: a view has one field with a vector index at most.'],
  },
  {
    says: 'an unknown source',
    yaml: `${source('')}\n${view('source: files')}`,
    error: ['D:4:50: feature_views.0.source: there is no source "files". Defined: s.'],
  },
  {
    says: 'a request source of rows',
    yaml: `sources: [{name: r, type: request, schema: []}]\n${view('source: r')}`,
    error: ['D:3:50: feature_views.0.source: "r" is a request source, which has no rows. Name a file or push source.'],
  },
  {
    says: 'a push source without rows',
    yaml: `sources: [{name: r, type: push}]\n${view('source: r')}`,
    error: [
      'D:3:50: feature_views.0.source: the push source "r" has no batch_source, which Feast needs for a view. Give it one at D:1.',
    ],
  },
  {
    says: 'a field that is renamed',
    yaml: `${source(', field_mapping: {f: g}')}\n${view('source: s')}`,
    error: [
      'D:4:25: feature_views.0.schema.0.name: the field_mapping of the source "s" renames "f" to "g". Call the field g, or remove the mapping.',
    ],
  },
  {
    says: 'views that differ in case',
    yaml: 'feature_views:\n  - {name: stats, schema: [{name: f, dtype: Int64}]}\n  - {name: Stats, schema: [{name: f, dtype: Int64}]}',
    error: [
      'D:3:6: feature_views.1.name: "Stats" differs from "stats" at D:2 only in the case of letters. Feast refuses such feature views.',
    ],
  },
  {
    says: 'a service of nothing',
    yaml: 'feature_services: [{name: s, features: []}]',
    error: ['D:1:30: feature_services.0.features: expected a list of one or more views, got a list.'],
  },
  {
    says: 'an unknown view',
    yaml: service('w'),
    error: ['D:4:26: feature_services.0.features.0: there is no feature view "w". Did you mean v (D:2)?'],
  },
  {
    says: 'an unknown feature',
    yaml: service("'v:g'"),
    error: ['D:4:26: feature_services.0.features.0: the feature view "v" has no feature "g". Did you mean f?'],
  },
  {
    says: 'a version that is none in a reference',
    yaml: service("'v@new:f'"),
    error: ['D:4:26: feature_services.0.features.0: "new" is not a version. Write v@v2, or v for the current one.'],
  },
  {
    says: 'an unknown feature in a mapping',
    yaml: service('{view: v, features: [f, wholly_other]}'),
    error: [
      'D:4:50: feature_services.0.features.0.features.1: the feature view "v" has no feature "wholly_other". Defined: f.',
    ],
  },
  {
    says: 'a feature twice',
    yaml: service('{view: v, features: [f, f]}'),
    error: ['D:4:50: feature_services.0.features.0.features.1: the feature "f" is named twice.'],
  },
  {
    says: 'an unknown join key',
    yaml: `${entities}\n${view('entities: [driver]')}\nfeature_services:\n  - {name: s, features: [{view: v, join_key_map: {driver: d}}]}`,
    error: [
      'D:5:51: feature_services.0.features.0.join_key_map.driver: the feature view "v" has no join key "driver". Defined: driver_id.',
    ],
  },
  {
    says: 'an unknown key of a projection',
    yaml: service('{view: v, alias: w}'),
    error: [
      'D:4:36: feature_services.0.features.0.alias: unknown setting. Known here: view, features, with_name, join_key_map, version.',
    ],
  },
  {
    says: 'a projection without a view',
    yaml: service('{with_name: w}'),
    error: ['D:4:26: feature_services.0.features.0.view: missing: expected text that is not empty.'],
  },
  {
    says: 'a number for a view',
    yaml: service('5'),
    error: [
      'D:4:26: feature_services.0.features.0: expected a reference such as view or view:feature, or a mapping with the key view, got 5.',
    ],
  },
  {
    says: 'several things at once',
    yaml: `${entities}\nsources: [{name: s, type: push, batch_source: x}]\n${view('entities: [y], source: z')}`,
    error: [
      'D:2:33: sources.0.batch_source: there is no source "x". Did you mean s (D:2)?',
      'D:4:61: feature_views.0.entities.0: there is no entity "y". Defined: driver.',
      'D:4:65: feature_views.0.source: there is no source "z". Did you mean s (D:2)?',
    ],
  },
];
