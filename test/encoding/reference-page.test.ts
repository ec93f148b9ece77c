import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { EntityKeySchema } from '../../gen/feast/types/EntityKey_pb.ts';
import { ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import { serializeEntityKey } from '../../src/encoding/entity-key.ts';
import { murmur3x64_128, murmur3x86_32 } from '../../src/encoding/murmur3.ts';
import { valueTypes } from '../../src/encoding/value-type.ts';
import { projectRoot } from '../support/project-root.ts';

describe('docs/reference/encoding.md', () => {
  const page = readFileSync(join(projectRoot, 'docs', 'reference', 'encoding.md'), 'utf8');
  const key = create(EntityKeySchema, {
    joinKeys: ['driver_id', 'customer_id'],
    entityValues: [
      create(ValueSchema, { val: { case: 'int64Val', value: 1001n } }),
      create(ValueSchema, { val: { case: 'stringVal', value: 'c1' } }),
    ],
  });

  it('annotates the real bytes of an entity key, in both versions', () => {
    const blocks = [...page.matchAll(/```text\n([\s\S]*?)```/g)].map(([, block = '']) =>
      block.match(/^[0-9a-f]+/gm)?.join(''),
    );
    assert.deepEqual(blocks, [
      Buffer.from(serializeEntityKey(key, 3)).toString('hex'),
      Buffer.from(serializeEntityKey(key, 2)).toString('hex'),
    ]);
  });

  it('shows the hashes that the code computes', () => {
    const field = Buffer.alloc(4);
    field.writeUInt32LE(murmur3x86_32(Buffer.from('driver_hourly_stats:conv_rate')));
    assert.ok(page.includes(`\`${field.toString('hex')}\``));
    assert.ok(page.includes(`\`${Buffer.from(murmur3x64_128(serializeEntityKey(key))).toString('hex')}\``));
  });

  it('counts the types', () => {
    assert.ok(page.includes(`for all ${valueTypes().length} of them`));
  });
});
