import { create } from '@bufbuild/protobuf';
import { FileFormatSchema } from '../../gen/feast/core/DataFormat_pb.ts';
import { type DataSource, DataSource_SourceType, DataSourceSchema } from '../../gen/feast/core/DataSource_pb.ts';
import { below, type DefinitionFindings } from './definition-findings.ts';
import { resolveReference } from './definition-references.ts';
import type { FileSourceDefinition, PushSourceDefinition, SourceDefinition } from './definitions-schema.ts';
import { fieldToProto, rejectDuplicateFields } from './fields-to-proto.ts';
import { fileFormatTag } from './file-format.ts';
import type { Located } from './located-definitions.ts';

/** Feast's classes of sources. */
const CLASS_OF_TYPE = {
  file: 'feast.infra.offline_stores.file_source.FileSource',
  push: 'feast.data_source.PushSource',
  request: 'feast.data_source.RequestSource',
} as const;

export type FileSource = Located<FileSourceDefinition>;

/**
 * The sources of a project. A registry holds a source several times: by itself with project and class, in views with the class,
 * in projections and behind push sources without either.
 */
export class ProjectSources {
  readonly #sources: ReadonlyMap<string, Located<SourceDefinition>>;
  readonly #findings: DefinitionFindings;
  readonly #batchSources = new Map<string, FileSource | undefined>();

  constructor(sources: ReadonlyMap<string, Located<SourceDefinition>>, findings: DefinitionFindings) {
    this.#sources = sources;
    this.#findings = findings;
    for (const { value, place } of sources.values()) {
      if (value.type === 'push') this.#batchSources.set(value.name, this.#batchSource({ value, place }));
      else if (value.type === 'request') rejectDuplicateFields(value.schema, below(place, 'schema'), findings);
    }
  }

  /** As the registry lists them. */
  listed(project: string): DataSource[] {
    return [...this.#sources.values()].map(({ value }) => withClass(this.#toProto(value), value, project));
  }

  /** As a view holds it. */
  inView(source: SourceDefinition): DataSource {
    return withClass(this.#toProto(source), source, '');
  }

  /** As a projection holds the batch source of its view. */
  inProjection(source: FileSourceDefinition): DataSource {
    return this.#toProto(source);
  }

  /** The file source behind a push source that is defined. */
  behind(source: PushSourceDefinition): FileSource | undefined {
    return this.#batchSources.get(source.name);
  }

  #batchSource({ value, place }: Located<PushSourceDefinition>): FileSource | undefined {
    if (value.batch_source === undefined) return undefined;
    const at = below(place, 'batch_source');
    const found = resolveReference(value.batch_source, at, this.#sources, 'source', this.#findings);
    if (found === undefined) return undefined;
    if (found.value.type === 'file') return { value: found.value, place: found.place };
    this.#findings.add(
      'DEFINITIONS_INVALID',
      at,
      `"${found.value.name}" is a ${found.value.type} source.`,
      'Name a file source.',
    );
    return undefined;
  }

  #toProto(source: SourceDefinition): DataSource {
    const { name, description, owner, tags } = source;
    const shared = { name, description, owner, tags };
    switch (source.type) {
      case 'file':
        return fileSourceToProto(source);
      case 'push': {
        const batch = this.behind(source);
        const type = DataSource_SourceType.PUSH_SOURCE;
        if (batch === undefined) return create(DataSourceSchema, { ...shared, type });
        const batchSource = fileSourceToProto(batch.value);
        const { timestampField, createdTimestampColumn, fieldMapping } = batchSource;
        return create(DataSourceSchema, {
          ...shared,
          type,
          timestampField,
          createdTimestampColumn,
          fieldMapping: { ...fieldMapping },
          batchSource,
        });
      }
      case 'request':
        return create(DataSourceSchema, {
          ...shared,
          type: DataSource_SourceType.REQUEST_SOURCE,
          options: { case: 'requestDataOptions', value: { schema: source.schema.map(fieldToProto) } },
        });
    }
  }
}

function fileSourceToProto(source: FileSourceDefinition): DataSource {
  const { name, description, owner, tags, format } = source;
  // Feast has a message for Parquet; the other formats are told by a tag.
  const parquet = create(FileFormatSchema, { format: { case: 'parquetFormat', value: {} } });
  return create(DataSourceSchema, {
    name,
    description,
    owner,
    type: DataSource_SourceType.BATCH_FILE,
    tags: format === undefined || format === 'parquet' ? tags : { ...tags, [fileFormatTag]: format },
    timestampField: source.timestamp_field,
    createdTimestampColumn: source.created_timestamp_column,
    fieldMapping: source.field_mapping,
    options: {
      case: 'fileOptions',
      value: {
        uri: source.path,
        s3EndpointOverride: source.s3_endpoint_override,
        ...(format === 'parquet' ? { fileFormat: parquet } : {}),
      },
    },
  });
}

function withClass(message: DataSource, { type }: SourceDefinition, project: string): DataSource {
  message.dataSourceClassType = CLASS_OF_TYPE[type];
  message.project = project;
  return message;
}
