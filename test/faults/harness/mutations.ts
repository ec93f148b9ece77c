import type { Mutation } from './row.ts';

/** Changes of the product that several rows have to notice. */

/** Redis is asked for a request's rows in the opposite order. */
export const swappedRows: Mutation = {
  name: 'rows of a request are read in another order',
  file: 'src/stores/redis/redis-read-groups.js',
  find: 'const key = keys[rows?.[index] ?? index];',
  replace: 'const key = keys[rows?.[index] ?? count - 1 - index];',
  fails: 'wrong',
};

/** Nobody looks whether a caller's deadline has passed while Redis is waited for. */
export const blindSweep: Mutation = {
  name: 'the deadline of a read is not looked at',
  file: 'src/stores/redis/redis-lane.js',
  find: 'const error = limitPassed(call, now, this.#options.doing);',
  replace: 'const error = undefined;',
  fails: 'above the deadline',
};

/** A read whose connection broke is not sent again. */
export const noSecondRead: Mutation = {
  name: 'a read whose connection breaks fails at once',
  file: 'src/stores/redis/redis-reader.js',
  find: 'if (!(error instanceof LaneLost))\n                throw error;',
  replace: 'throw translateLost(open, error);',
  fails: 'one in ten',
};

/** A value counts as arrived before all its bytes are there. */
export const truncatedValue: Mutation = {
  name: 'a value that has not arrived whole is taken as it is',
  file: 'src/stores/redis/redis-reply-scanner.js',
  find: 'if (end + 2 > this.end) {',
  replace: 'if (end + 2 > this.end + 20) {',
};

/** A connection to Redis that is lost stays lost for a minute. */
export const neverReconnect: Mutation = {
  name: 'a lost connection is not made again for a minute',
  file: 'src/stores/redis/redis-connection.js',
  find: 'const delay = reconnectDelay(++this.#losses, this.#options.reconnect_max_delay_ms);',
  replace: 'const delay = 60_000;',
  fails: 'first OK',
};

/** Each attempt to connect leaves a descriptor open. */
export const leakedDescriptors: Mutation = {
  name: 'every attempt to connect leaves a descriptor open',
  file: 'src/stores/redis/redis-lane-socket.js',
  find: 'await nextTick();',
  replace: "process.getBuiltinModule('node:fs').openSync('/dev/null', 'r'); await nextTick();",
  fails: 'descriptors',
};

/** Memory that grows with every read. */
export const leakedAnswers: Mutation = {
  name: 'every read of Redis keeps 200 KB for ever',
  file: 'src/stores/redis/redis-lane.js',
  find: 'submit(pending) {',
  replace: 'submit(pending) { (globalThis.kept ??= []).push(Buffer.alloc(200_000, 1));',
  fails: 'resident memory',
};

/** A row is not read at one moment: its first value is read once more, a little later. */
export const tornRow: Mutation = {
  name: 'the first value of each row is read in a command of its own',
  file: 'src/serving/online-features.js',
  find: 'await read(reads);',
  replace: `await read(reads);
            const { features, block, ...first } = reads[0];
            const again = { ...first, features: features.slice(0, 1), block: new RowBlock(first.keys.length, 1) };
            await new Promise((resolve) => setTimeout(resolve, 3));
            await read([again]);
            for (let row = 0; row < first.keys.length; row++) {
                const value = Buffer.from(again.block.valueAt(row, 0) ?? []);
                block.setValue(row, 0, value, 0, value.length);
            }`,
  fails: 'torn',
};

/** The breaker never opens. */
export const noBreaker: Mutation = {
  name: 'the circuit breaker never opens',
  file: 'src/stores/breaker/store-breaker.js',
  find: '    #open(code) {',
  replace: '    #open(code) { return;',
  fails: 'breaker',
};

/** One answer in seven is what the same request got before. */
export const rememberedAnswers: Mutation = {
  name: 'one answer in seven is an earlier one to the same request',
  file: 'src/transports/grpc/feast-services.js',
  find: `path: '/feast.serving.ServingService/GetOnlineFeatures',
            handle: (message, call) => features.getOnlineFeatures(message, call),`,
  replace: `path: '/feast.serving.ServingService/GetOnlineFeatures',
            async handle(message, call) {
                const key = Buffer.from(message).toString('latin1');
                const known = globalThis.known ??= new Map();
                globalThis.turn = (globalThis.turn ?? 0) + 1;
                if (globalThis.turn % 7 === 0 && known.has(key)) return known.get(key);
                const answer = await features.getOnlineFeatures(message, call);
                known.set(key, Buffer.from(answer));
                return answer;
            },`,
  fails: 'older',
};

/** Calls are begun although their callers took them back before they were looked at. */
export const cancelledCallsRun: Mutation = {
  name: 'calls that were cancelled while the process stood still are carried out',
  file: 'src/transports/grpc/net-http2/connection.js',
  find: 'const MANY_BYTES = 1024;',
  replace: 'const MANY_BYTES = Infinity;',
  fails: 'nobody waited',
};
