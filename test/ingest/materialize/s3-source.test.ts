import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ValueType_Enum as Type } from '../../../gen/feast/types/Value_pb.ts';
import { type CliRun, runCli } from '../../support/cli-run.ts';
import type { LoopbackServer } from '../../support/loopback-server.ts';
import { startMoto, useMotoCredentials } from '../../support/moto-server.ts';
import {
  createSourceProject,
  type SourceProject,
  SQLITE_STORE,
  storedInSqlite,
  writeSource,
} from '../../support/source-project.ts';

const BUCKET = 'rows';

describe('a source in S3', function () {
  this.timeout(180_000);
  let server: LoopbackServer;
  let client: S3Client;
  const projects: SourceProject[] = [];

  useMotoCredentials();

  before(async function () {
    server = await startMoto(this);
    client = new S3Client({ endpoint: endpoint(), forcePathStyle: true, region: 'us-east-1' });
    await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
    const project = projectOf('unused');
    for (const id of [1, 2, 3]) {
      const file = join(project.path, `part ${id}.parquet`);
      await writeSource(file, `SELECT ${id}::BIGINT AS id, ${id}::BIGINT AS x, TIMESTAMP '2026-01-10' AS ts`);
      await put(`day/part ${id}.parquet`, readFileSync(file));
    }
    await put('day/_SUCCESS', '');
    await put('daylight/part 4.parquet', 'not read');
    await put('text/rows.csv', 'id,x,ts\n5,6,2026-01-10\n');
  });
  after(async () => {
    client?.destroy();
    await server?.stop();
    for (const project of projects) project.remove();
  });

  const endpoint = (): string => `http://127.0.0.1:${server.port}`;
  const put = (Key: string, Body: Buffer | string): Promise<unknown> =>
    client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body }));

  function projectOf(uri: string): SourceProject {
    const view = { features: { x: Type.INT64 }, uri, s3Endpoint: endpoint() };
    const project = createSourceProject(SQLITE_STORE, [view]);
    projects.push(project);
    return project;
  }

  async function load(uri: string): Promise<{ readonly run: CliRun; readonly project: SourceProject }> {
    const project = projectOf(uri);
    assert.equal((await runCli(['apply', '--repo', project.path, '--yes'])).status, 0);
    return { run: await runCli(['materialize', '2026-01-01', '2026-02-01', '--repo', project.path]), project };
  }

  for (const [what, uri, expected] of [
    ['an object', `s3://${BUCKET}/day/part 1.parquet`, { 1: 1n }],
    ['all below a prefix', `s3://${BUCKET}/day`, { 1: 1n, 2: 2n, 3: 3n }],
    ['a pattern', `s3://${BUCKET}/*/part [12].parquet`, { 1: 1n, 2: 2n }],
    ['text', `s3://${BUCKET}/text/*.csv`, { 5: 6n }],
  ] as const) {
    it(`may be ${what}`, async () => {
      const { run, project } = await load(uri);
      assert.equal(run.status, 0, run.stderr);
      const stored = await storedInSqlite(project);
      assert.deepEqual(Object.fromEntries(stored.map(({ key, values }) => [key, values.x])), expected);
    });
  }

  for (const [what, uri, error] of [
    [
      'there is no such object',
      `s3://${BUCKET}/nothing.parquet`,
      /error MATERIALIZE_SOURCE_MISSING: .*nothing\.parquet, has no file/,
    ],
    ['there is no such bucket', 's3://none/rows.parquet', /error MATERIALIZE_SOURCE_MISSING: /],
    [
      'the URL has no key',
      `s3://${BUCKET}`,
      /error MATERIALIZE_SOURCE_UNSUPPORTED: The s3:\/\/ URL of view "stats" is not complete/,
    ],
  ] as const) {
    it(`is an error where ${what}`, async () => {
      const { run } = await load(uri);
      assert.equal(run.status, 6);
      assert.match(run.stderr, error);
    });
  }

  it('is an error where the server is not there', async () => {
    const project = createSourceProject(SQLITE_STORE, [
      { features: { x: Type.INT64 }, uri: `s3://${BUCKET}/day`, s3Endpoint: 'http://127.0.0.1:1' },
    ]);
    projects.push(project);
    const run = await runCli(['materialize', '2026-01-01', '2026-02-01', '--repo', project.path]);
    assert.equal(run.status, 6);
    assert.match(run.stderr, /error MATERIALIZE_SOURCE_UNREADABLE: s3:\/\/rows\/day at http:\/\/127\.0\.0\.1:1, /);
  });
});
