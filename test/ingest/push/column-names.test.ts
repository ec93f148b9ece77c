import assert from 'node:assert/strict';
import { columnName } from '../../../src/ingest/push/column-names.ts';

describe('the names of pushed columns', () => {
  const nameOf = (text: string): string => {
    const bytes = Buffer.from(`xx${text}yy`);
    return columnName(bytes, 2, bytes.length - 2, () => text);
  };

  it('are never taken for one another, however many there are', () => {
    const names = Array.from({ length: 5000 }, (_, n) => `column_${n}`);
    for (const name of [...names, ...names.toReversed(), '', 'é', 'x'.repeat(100)]) assert.equal(nameOf(name), name);
  });

  it('are decoded once while they are in use, and stay when the bytes of the request change', () => {
    const bytes = Buffer.from('rarely_used_name');
    let decoded = 0;
    const decode = (): string => {
      decoded++;
      return 'rarely_used_name';
    };
    columnName(bytes, 0, bytes.length, decode);
    const again = Buffer.from(bytes);
    bytes.fill(0);
    assert.equal(columnName(again, 0, again.length, decode), 'rarely_used_name');
    assert.equal(decoded, 1);
  });

  it('are refused each time where they cannot be decoded', () => {
    const bytes = Buffer.from([0xff, 0xfe]);
    const decode = (): string => {
      throw new RangeError('not UTF-8');
    };
    for (let time = 0; time < 2; time++) assert.throws(() => columnName(bytes, 0, 2, decode), RangeError);
  });
});
