import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { OnlineFeatures } from '../../src/serving/online-features.ts';
import { createFeastServices } from '../../src/transports/grpc/feast-services.ts';
import { createIngestService } from '../../src/transports/grpc/ingest-service.ts';
import { projectRoot } from '../support/project-root.ts';

describe('the page about the protocol', () => {
  const page = readFileSync(join(projectRoot, 'docs/reference/protocol.md'), 'utf8');
  const { file: files } = fromBinary(
    FileDescriptorSetSchema,
    readFileSync(join(projectRoot, 'test/golden/feast/descriptors.binpb')),
  );
  const ours = files.filter(({ name }) => name.startsWith('feast/'));

  it('lists exactly the methods that are served', () => {
    // Only the table's paths are read: no request is made.
    const unused: OnlineFeatures = Object.create(OnlineFeatures.prototype);
    const never = () => Promise.reject(new Error('no call is made'));
    const services = [...createFeastServices(unused, '0'), ...createIngestService(never)];
    const served = services.map(({ path }) => path);
    const listed = [...page.matchAll(/^\| `(\/[^`]+)` \|/gm)].map(([, path]) => path);
    assert.deepEqual(listed.sort(), served.sort());
  });

  it('names every package and every service', () => {
    for (const name of ours.map((file) => file.package).filter((name) => name !== '')) {
      assert.ok(page.includes(`| \`${name}\` |`), `package ${name}`);
    }
    for (const { name } of ours.flatMap((file) => file.service)) {
      assert.ok(page.includes(`\`${name}\``), `service ${name}`);
    }
  });
});
