import { SideboardError } from '../../src/errors.ts';
import type {
  GrpcServerOptions,
  ServiceTable,
  StreamMethod,
  UnaryMethod,
} from '../../src/transports/grpc/service-table.ts';

/** Methods whose requests say in text what to do, and what became of their calls. */
export interface EchoService {
  readonly methods: ServiceTable;
  /** Everything that `onFailure` was told. */
  readonly failures: { readonly error: unknown; readonly path: string | undefined }[];
  readonly counts: { started: number; finished: number; aborted: number };
  /** Options of a server on a free port of this machine. */
  options(changes?: Partial<GrpcServerOptions>): GrpcServerOptions;
}

/** The text of a refusal: not ASCII, a percent sign, a line break. */
export const REFUSAL = 'There is no "Überraschung": 100 % 日本 🚕\nnothing.';

/** Gives back what comes, for as long as something does. */
export const giveBack: StreamMethod = {
  path: '/test.Echo/GiveBack',
  async stream(call) {
    for await (const message of call.messages) await call.send(message);
  },
};

export function createEchoService(): EchoService {
  const counts = { started: 0, finished: 0, aborted: 0 };
  const failures: EchoService['failures'] = [];
  const counted: readonly UnaryMethod[] = [
    { path: '/test.Echo/Echo', handle: (message) => message },
    { path: '/test.Echo/Later', handle: async (message) => message },
    {
      path: '/test.Echo/Refuse',
      handle() {
        throw new SideboardError('UNKNOWN_THING', 'not_found', REFUSAL, { hint: 'Known: none.' });
      },
    },
    { path: '/test.Echo/Break', handle: () => Promise.reject(new Error('password=hunter2')) },
    // Milliseconds to wait; the answer is the request.
    {
      path: '/test.Echo/Wait',
      handle(message, call) {
        return new Promise((resolve, reject) => {
          const timer = setTimeout(resolve, Number(message), message);
          call.signal?.addEventListener('abort', () => {
            counts.aborted++;
            clearTimeout(timer);
            reject(new SideboardError('REQUEST_CANCELLED', 'cancelled', 'The caller went away.'));
          });
        });
      },
    },
    // Size of the answer in bytes; byte i is i modulo 251.
    { path: '/test.Echo/Large', handle: (message) => patternOf(Number(message)) },
    {
      path: '/test.Echo/Deadline',
      handle: (_, call) => Buffer.from(String(Math.round((call.deadline ?? 0) - Date.now()))),
    },
  ];
  return {
    failures,
    counts,
    methods: counted.map(({ path, handle }) => ({
      path,
      handle(message, call) {
        counts.started++;
        const answer = handle(Buffer.from(message.buffer, message.byteOffset, message.length), call);
        if (!(answer instanceof Promise)) counts.finished++;
        else answer.then(() => counts.finished++).catch(() => {});
        return answer;
      },
    })),
    options: (changes) => ({
      address: '127.0.0.1:0',
      maxMessageBytes: 4 * 1024 * 1024,
      maxConcurrentStreams: 100,
      defaultDeadlineMs: 5_000,
      maxDeadlineMs: 60_000,
      streamIdleMs: 60_000,
      onFailure: (error, path) => failures.push({ error, path }),
      ...changes,
    }),
  };
}

const period = Buffer.from(Array.from({ length: 251 }, (_, i) => i));

export function patternOf(size: number): Buffer {
  return Buffer.alloc(size, period);
}
