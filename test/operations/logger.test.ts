import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SideboardError } from '../../src/errors.ts';
import { createFailureLog } from '../../src/operations/failure-log.ts';
import { createLogger, errorForLog, type Logger, type LoggerOptions } from '../../src/operations/logger.ts';
import { StoreError } from '../../src/stores/store-error.ts';
import { useTempFolder } from '../support/temp-folder.ts';

describe('the log', () => {
  const folder = useTempFolder();

  async function logged(write: (log: Logger) => void, options: Partial<LoggerOptions> = {}): Promise<string> {
    const file = join(folder(), 'log');
    const fileDescriptor = openSync(file, 'w');
    try {
      write(
        await createLogger({
          level: 'info',
          format: 'auto',
          isTerminal: false,
          plain: false,
          ...options,
          fileDescriptor,
        }),
      );
      return readFileSync(file, 'utf8');
    } finally {
      closeSync(fileDescriptor);
    }
  }

  it('is a line of JSON per event with time, level and message', async () => {
    const { time, ...rest } = JSON.parse(await logged((log) => log.info({ project: 'p' }, 'ready'))) as {
      time: string;
    };
    assert.match(time, /^20\d\d-\d\d-\d\dT[\d:.]+Z$/);
    assert.deepEqual(rest, { level: 'info', project: 'p', msg: 'ready' });
  });

  it('leaves out what lies below its level', async () => {
    assert.equal(await logged((log) => log.info('x'), { level: 'warn' }), '');
  });

  it('is made for people on a terminal, in colour unless that is not wanted', async () => {
    const colour = await logged((log) => log.warn('careful'), { isTerminal: true });
    assert.ok(colour.includes('\u001b['));
    const plain = await logged((log) => log.warn('careful'), { isTerminal: true, plain: true });
    assert.match(plain, /^\[20\d\d-\d\d-\d\d [\d:.]+\] WARN: careful\n$/);
    assert.match(await logged((log) => log.warn('careful'), { format: 'pretty' }), /WARN: careful/);
    assert.match(await logged((log) => log.warn('careful'), { format: 'json', isTerminal: true }), /^\{"level":"warn"/);
  });

  it('shows of errors their codes, messages and causes, and nothing that a library hung onto them', async () => {
    const cause = Object.assign(new Error('reply'), { code: 'WRONGPASS', command: { args: ['hunter2'] } });
    const shown = errorForLog(new StoreError('STORE_AUTH_FAILED', 'refused', { hint: 'Look.', cause }));
    assert.deepEqual(
      { ...shown, cause: { ...shown.cause, stack: '' } },
      {
        type: 'StoreError',
        code: 'STORE_AUTH_FAILED',
        message: 'refused',
        hint: 'Look.',
        cause: { type: 'Error', code: 'WRONGPASS', message: 'reply', stack: '' },
      },
    );
    const line = await logged((log) => log.error({ err: cause }, 'failed'));
    assert.doesNotMatch(line, /hunter2/);
    assert.match(line, /"stack":"Error: reply/);
  });

  it('survives causes without an end', () => {
    const error = new Error('around');
    error.cause = error;
    assert.match(JSON.stringify(errorForLog(error)), /around/);
    assert.deepEqual(errorForLog('text'), { type: 'string', message: 'text' });
  });

  it('tells of store failures at once, then one line for all of an interval', async () => {
    let time = 0;
    const file = join(folder(), 'log');
    const fileDescriptor = openSync(file, 'w');
    const log = await createLogger({ level: 'info', format: 'json', isTerminal: false, plain: true, fileDescriptor });
    const onFailure = createFailureLog(log, () => time);
    for (const now of [0, 1, 9_999, 10_000, 10_001]) {
      time = now;
      onFailure(new StoreError('STORE_UNAVAILABLE', 'gone'), '/m');
    }
    closeSync(fileDescriptor);
    const counts = [...readFileSync(file, 'utf8').matchAll(/"failedSinceLastLine":(\d+)/g)].map(([, count]) => count);
    assert.deepEqual(counts, ['1', '3']);
  });

  it('tells of every failure that nobody foresaw, and of none that only concerns its caller', async () => {
    const file = join(folder(), 'log');
    const fileDescriptor = openSync(file, 'w');
    const log = await createLogger({ level: 'info', format: 'json', isTerminal: false, plain: true, fileDescriptor });
    const onFailure = createFailureLog(log);
    onFailure(new TypeError('first'), '/m');
    onFailure(new TypeError('second'), '/m');
    onFailure(new SideboardError('NO', 'not_found', 'third'), undefined);
    closeSync(fileDescriptor);
    const told = [...readFileSync(file, 'utf8').matchAll(/"message":"(\w+)"/g)].map(([, message]) => message);
    assert.deepEqual(told, ['first', 'second']);
  });
});
