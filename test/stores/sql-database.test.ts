import assert from 'node:assert/strict';
import { SqlDatabase } from '../../src/stores/sql/sql-database.ts';
import { StoreError } from '../../src/stores/store-error.ts';

class Line {
  broken = false;
  destroy(): void {
    this.broken = true;
  }
  async begin(): Promise<void> {}
  async commit(): Promise<void> {}
  async rollback(): Promise<void> {}
}

describe('SqlDatabase', () => {
  let opened = 0;

  const createDatabase = (answers: readonly boolean[]) => {
    const asked: boolean[] = [];
    opened = 0;
    const database = new SqlDatabase<Line>({
      pool: {
        connect: async () => {
          opened++;
          return new Line();
        },
        where: 'the server',
        maxConnections: 2,
        minConnections: 1,
        idleTimeoutMs: 60_000,
        acquireTimeoutMs: 5_000,
        maxWaiting: 10,
        settings: 'some setting',
      },
      readTimeoutMs: 5_000,
      isLoss: (error) => error instanceof Error && error.message === 'lost',
      isConflict: () => false,
      translate: (cause) => new StoreError('STORE_UNAVAILABLE', 'It went away.', { cause }),
      retries: {
        async granted() {
          const answer = answers[asked.length] ?? false;
          asked.push(answer);
          return answer;
        },
      },
    });
    return { database, asked };
  };

  const lose = (line: Line): Promise<never> => {
    line.broken = true;
    return Promise.reject(new Error('lost'));
  };

  it('reads again, once, on another connection, where that is granted', async () => {
    const { database, asked } = createDatabase([true, true]);
    let attempts = 0;
    assert.equal(await database.read((line) => (++attempts === 1 ? lose(line) : Promise.resolve('row'))), 'row');
    assert.equal(opened, 2);
    await assert.rejects(
      database.read((line) => lose(line)),
      { code: 'STORE_UNAVAILABLE' },
    );
    assert.deepEqual(asked, [true, true]);
    database.close();
  });

  it('fails with what broke the connection where it is not', async () => {
    const { database, asked } = createDatabase([false]);
    let attempts = 0;
    const read = database.read((line) => {
      attempts++;
      return lose(line);
    });
    await assert.rejects(read, { code: 'STORE_UNAVAILABLE' });
    assert.equal(attempts, 1);
    assert.deepEqual(asked, [false]);
    database.close();
  });

  it('asks nobody about an error that the server itself gave', async () => {
    const { database, asked } = createDatabase([true]);
    await assert.rejects(database.read(() => Promise.reject(new Error('no such table'))));
    assert.deepEqual(asked, []);
    database.close();
  });
});
