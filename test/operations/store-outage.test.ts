import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '../../src/operations/logger.ts';
import { StoreOutageWatch } from '../../src/operations/store-outage.ts';
import { StoreError, type StoreErrorCode } from '../../src/stores/store-error.ts';
import { useTempFolder } from '../support/temp-folder.ts';

describe('the watch over outages of the store', () => {
  const folder = useTempFolder();
  let time: number;
  let pings: number;
  let isBack: (ping: number) => boolean;
  let watch: StoreOutageWatch;
  let fileDescriptor: number;
  let onPing: () => void;
  let told: (StoreErrorCode | undefined)[];

  beforeEach(async () => {
    [time, pings] = [0, 0];
    told = [];
    isBack = () => false;
    onPing = () => {};
    fileDescriptor = openSync(join(folder(), 'log'), 'w');
    const log = await createLogger({ level: 'info', format: 'json', isTerminal: false, plain: true, fileDescriptor });
    const ping = async (): Promise<void> => {
      pings++;
      time += 1_000;
      onPing();
      if (!isBack(pings)) throw failure('STORE_UNAVAILABLE');
    };
    const onAway = (code: StoreErrorCode | undefined): void => void told.push(code);
    watch = new StoreOutageWatch({ log, ping, onAway, everyMs: 1, now: () => time });
  });

  afterEach(() => {
    watch.close();
    closeSync(fileDescriptor);
  });

  const failure = (code: StoreErrorCode): StoreError => new StoreError(code, 'failed');
  const lines = (): string[] =>
    [...readFileSync(join(folder(), 'log'), 'utf8').matchAll(/"msg":"([^"]*)"/g)].map((match) => match[1] ?? '');
  const untilPing = async (count: number): Promise<void> => {
    while (pings < count) await sleep(1);
    await sleep(1);
  };

  it('says once that the store is back and how long it was away, and pings no more', async () => {
    isBack = (ping) => ping >= 3;
    watch.failed(failure('STORE_UNAVAILABLE'));
    await untilPing(3);
    await sleep(20);
    assert.deepEqual(lines(), ['the online store answers again after 3 s']);
    assert.equal(pings, 3);
    assert.deepEqual([told[0], told.at(-1)], ['STORE_UNAVAILABLE', undefined]);
    assert.equal(told.filter((code) => code === undefined).length, 1);
    watch.failed(failure('STORE_UNAVAILABLE'));
    await untilPing(4);
    assert.deepEqual(lines().slice(1), ['the online store answers again after 1 s']);
  });

  it('is not taken in by an answer to a ping while calls go on failing', async () => {
    isBack = () => true;
    onPing = () => {
      if (pings < 4) watch.failed(failure('STORE_TIMEOUT'));
    };
    watch.failed(failure('STORE_UNAVAILABLE'));
    await untilPing(5);
    assert.deepEqual(lines(), ['the online store answers again after 5 s']);
  });

  it('takes a call that ran out of time for an outage only if the store does not answer either', async () => {
    isBack = () => true;
    watch.failed(failure('STORE_TIMEOUT'));
    await untilPing(1);
    assert.deepEqual(lines(), []);
    assert.deepEqual(told, []);
    isBack = (ping) => ping >= 3;
    watch.failed(failure('STORE_TIMEOUT'));
    await untilPing(3);
    assert.deepEqual(lines(), ['the online store answers again after 2 s']);
    assert.deepEqual(told, ['STORE_TIMEOUT', undefined]);
  });

  it('leaves failures alone that say nothing about the store as a whole', async () => {
    for (const code of ['STORE_TABLE_MISSING', 'STORE_CORRUPT', 'STORE_OVERLOADED'] as const)
      watch.failed(failure(code));
    watch.failed(new TypeError('own'));
    await sleep(20);
    assert.equal(pings, 0);
  });

  it('asks nothing of a store that is being closed', async () => {
    watch.failed(failure('STORE_UNAVAILABLE'));
    watch.close();
    watch.failed(failure('STORE_UNAVAILABLE'));
    await sleep(20);
    assert.equal(pings, 0);
  });
});
