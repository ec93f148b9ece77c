import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { DataSourceSchema } from '../../gen/feast/core/DataSource_pb.ts';
import { fileFormatOfSource } from '../../src/definitions/file-format.ts';
import { definedProject } from '../support/defined-repo.ts';

const formatOf = (path: string, format?: string): string => {
  const more = format === undefined ? '' : `, format: ${format}`;
  const [source] = definedProject(
    `sources: [{name: s, type: file, path: '${path}', timestamp_field: t${more}}]`,
  ).dataSources;
  return source === undefined ? 'no source' : fileFormatOfSource(source);
};

describe('the format of a file source', () => {
  it('is what the path ends in, else Parquet', () => {
    for (const [path, format] of [
      ['a.parquet', 'parquet'],
      ['s3://bucket/a.CSV', 'csv'],
      ['a.csv.gz', 'csv'],
      ['rows.jsonl', 'jsonl'],
      ['rows.ndjson.zst', 'jsonl'],
      ['folder/', 'parquet'],
      ['a.txt', 'parquet'],
      ['a.csv/part', 'parquet'],
    ] as const) {
      assert.equal(formatOf(path), format, path);
    }
  });

  it('is what the definition says, whatever the path', () => {
    for (const format of ['parquet', 'csv', 'jsonl']) assert.equal(formatOf('a.dat', format), format);
    assert.equal(formatOf('a.csv', 'parquet'), 'parquet');
    assert.equal(formatOf('a.csv', 'jsonl'), 'jsonl');
  });

  it('may be a Delta table of Feast', () => {
    const source = create(DataSourceSchema, {
      options: {
        case: 'fileOptions',
        value: { uri: 'a.parquet', fileFormat: { format: { case: 'deltaFormat', value: {} } } },
      },
    });
    assert.equal(fileFormatOfSource(source), 'delta');
  });
});
