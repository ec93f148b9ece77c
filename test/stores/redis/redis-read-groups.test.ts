import assert from 'node:assert/strict';
import type { TableRead } from '../../../src/stores/online-store.ts';
import { fieldsOfReads, groupReads, sizeOfReads, writeReads } from '../../../src/stores/redis/redis-read-groups.ts';
import { RowBlock } from '../../../src/stores/row-block.ts';

const table = { project: 'shop', name: 'profile', joinKeys: ['id'], features: [] };

function readOf(features: readonly string[], keys: readonly Uint8Array[]): TableRead {
  return { table, keys, features, block: new RowBlock(keys.length, features.length) };
}

describe('reads of Redis in groups', () => {
  it('are written as one HMGET per key, as long as was said', () => {
    const keys = ['k1', 'longer'].map((text) => Buffer.from(text));
    const groups = groupReads([readOf(['age'], keys)]);
    const out = Buffer.alloc(sizeOfReads(groups));
    assert.equal(writeReads(groups, out, 0), out.length);
    const [field, time] = fieldsOfReads([readOf(['age'], keys)]).map((bytes) => bytes.toString('latin1'));
    const command = (key: string) =>
      `*4\r\n$5\r\nHMGET\r\n$${key.length}\r\n${key}\r\n$4\r\n${field}\r\n$11\r\n${time}\r\n`;
    assert.equal(out.toString('latin1'), command('k1shop') + command('longershop'));
  });

  it('keep memory of their own for what is the same in every command, not a part of what others use', () => {
    const features = Array.from({ length: 20 }, (_, n) => `feature_${n}`);
    const group = groupReads([readOf(features, [Buffer.from('k')])])[0];
    assert.ok(group !== undefined);
    const { head, project, tail } = group.request;
    assert.deepEqual(
      new Set([head, project, tail].map(({ buffer }) => buffer.byteLength)),
      new Set([head.length + project.length + tail.length]),
    );
  });
});
