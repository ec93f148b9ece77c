import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { DataSourceSchema } from '../../gen/feast/core/DataSource_pb.ts';
import { declaredFileFormat } from '../../src/definitions/file-format.ts';
import { definedProject } from '../support/defined-repo.ts';

const formatOf = (path: string, format?: string): string | undefined => {
  const more = format === undefined ? '' : `, format: ${format}`;
  const [source] = definedProject(
    `sources: [{name: s, type: file, path: '${path}', timestamp_field: t${more}}]`,
  ).dataSources;
  return source === undefined ? 'no source' : declaredFileFormat(source);
};

describe('the format of a file source', () => {
  it('is what the definition says, whatever the path', () => {
    for (const format of ['parquet', 'csv', 'jsonl']) assert.equal(formatOf('a.dat', format), format);
    assert.equal(formatOf('a.csv', 'jsonl'), 'jsonl');
  });

  it('is left to the names of the files where the definition does not say', () => {
    for (const path of ['a.csv', 'a.parquet', 'folder/']) assert.equal(formatOf(path), undefined);
  });

  it('may be a Delta table of Feast', () => {
    const source = create(DataSourceSchema, {
      options: {
        case: 'fileOptions',
        value: { uri: 'a.parquet', fileFormat: { format: { case: 'deltaFormat', value: {} } } },
      },
    });
    assert.equal(declaredFileFormat(source), 'delta');
  });
});
