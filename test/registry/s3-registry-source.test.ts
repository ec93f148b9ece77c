import assert from 'node:assert/strict';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { createS3RegistrySource } from '../../src/registry/s3/s3-registry-source.ts';
import { useEnvironment } from '../support/environment.ts';
import { readGolden } from '../support/golden.ts';
import { viewsOfDocumentedFile } from '../support/inspected-registry.ts';
import type { LoopbackServer } from '../support/loopback-server.ts';
import { startMoto, useMotoCredentials } from '../support/moto-server.ts';
import { goldenSnapshot } from '../support/registries.ts';
import { hasRegistryCode, testRegistrySource } from '../support/registry-source-suite.ts';

const bucket = 'features';
const key = 'prod/a key/registry.db';
const content = {
  first: readGolden('registry', 'kitchen_sink', 'registry.db'),
  changed: readGolden('registry', 'two_projects', 'registry.db'),
  damaged: Buffer.from('not a registry'),
};

describe('an S3 registry source', function () {
  this.timeout(180_000);
  let server: LoopbackServer;
  let client: S3Client;

  useMotoCredentials();

  before(async function () {
    server = await startMoto(this);
    client = new S3Client({
      endpoint: `http://127.0.0.1:${server.port}`,
      forcePathStyle: true,
      region: 'us-east-1',
    });
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
  });

  after(async () => {
    client?.destroy();
    await server?.stop();
  });

  const put = (body: Uint8Array, to = bucket) =>
    client.send(new PutObjectCommand({ Bucket: to, Key: key, Body: body }));
  const source = (port = server.port, url = `s3://${bucket}/${key}`, maxBytes = 2 ** 20) =>
    createS3RegistrySource({ url, endpointUrl: `http://127.0.0.1:${port}`, maxBytes });

  testRegistrySource({
    project: 'kitchen_sink',
    expected: () => ({
      first: goldenSnapshot('kitchen_sink', 'registry', 'kitchen_sink', 'registry.db'),
      changed: goldenSnapshot('kitchen_sink', 'registry', 'two_projects', 'registry.db'),
    }),
    server: () => ({
      port: server.port,
      source,
      publish: async (what) => {
        await put(content[what]);
      },
      remove: async () => {
        await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
      },
    }),
  });

  it('reads a bucket that keeps versions', async () => {
    const versioned = 'versioned-features';
    await client.send(new CreateBucketCommand({ Bucket: versioned }));
    await client.send(
      new PutBucketVersioningCommand({ Bucket: versioned, VersioningConfiguration: { Status: 'Enabled' } }),
    );
    await put(content.damaged, versioned);
    await put(content.first, versioned);
    const loaded = await source(server.port, `s3://${versioned}/${key}`).load();
    assert.ok(loaded !== 'unchanged');
    assert.deepEqual(Buffer.from(loaded.bytes), Buffer.from(content.first));
  });

  it('tells a missing bucket and a missing key', async () => {
    for (const url of ['s3://no-such-bucket/registry.db', `s3://${bucket}/nothing`]) {
      await assert.rejects(
        source(server.port, url).load(),
        hasRegistryCode('REGISTRY_NOT_FOUND', /There is no registry s3:/),
      );
    }
  });

  it('says what to grant when it is refused', async () => {
    const allow = async (calls: string) => {
      assert.ok(
        (await fetch(`http://127.0.0.1:${server.port}/moto-api/reset-auth`, { method: 'POST', body: calls })).ok,
      );
    };
    await allow('0');
    try {
      const expected = /refused to these credentials \(403\).*Grant s3:GetObject on arn:aws:s3:::features\/prod/;
      await assert.rejects(source().load(), hasRegistryCode('REGISTRY_ACCESS_DENIED', expected));
    } finally {
      await allow('inf');
    }
  });

  it('refuses more than the limit', async () => {
    await put(content.first);
    const small = source(server.port, `s3://${bucket}/${key}`, 1_000);
    await assert.rejects(small.load(), hasRegistryCode('REGISTRY_TOO_LARGE'));
    await small.close();
  });

  it('starts a project whose file is written as in the documentation of Feast', async () => {
    await put(content.first);
    const lines = ['registry:', `  path: "s3://${bucket}/${key}"`, '  cache_ttl_seconds: 60'];
    const env = { FEAST_S3_ENDPOINT_URL: `http://127.0.0.1:${server.port}` };
    assert.equal((await viewsOfDocumentedFile('kitchen_sink', lines, env)).length, 16);
  });

  it('refuses a URL without bucket or key', () => {
    for (const url of ['s3://', 's3://bucket', 's3:///key', 's3://user:secret@bucket/key']) {
      assert.throws(() => source(1, url), hasRegistryCode('REGISTRY_SETTINGS_INVALID', /s3:\/\/BUCKET\/KEY/));
    }
  });

  describe('without credentials', () => {
    useEnvironment({ AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined });

    it('says how to give some, and what they need', async () => {
      const expected = /IRSA.*Grant s3:GetObject on arn:aws:s3:::features\/prod\/a key\/registry\.db/;
      await assert.rejects(source().load(), hasRegistryCode('REGISTRY_ACCESS_DENIED', expected));
    });
  });
});
