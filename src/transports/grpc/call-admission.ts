import { TransportError } from '../transport-error.ts';
import { TurnClock } from './turn-clock.ts';

export interface AdmissionLimits {
  /** Unary calls whose methods run at a time, in the whole process. */
  readonly maxInFlight: number;
  /** How long a call may have waited for its method to run, in milliseconds. */
  readonly maxQueueAgeMs: number;
}

/** With less under way nothing waits for long, and a turn need not be timed. */
const BUSY = 16;
/** Health is asked for by those who have to know that the server is busy. */
const UNLIMITED = '/grpc.health.v1.Health/';

/** Whether calls of a method are counted and may be turned away. Streaming ones have limits of their own. */
export function isLimited(path: string): boolean {
  return !path.startsWith(UNLIMITED);
}

/**
 * Turns calls away while more are under way than can be answered soon: one that fails at once costs next to nothing, and one that waits
 * makes all behind it late. A method counts from when it runs to when it settles, although its caller may have gone by then.
 */
export class CallAdmission {
  readonly #limits: AdmissionLimits;
  /** One error for all calls: under load, making one each would be most of what turning them away costs. */
  readonly #tooMany: TransportError;
  readonly #tooOld: TransportError;
  readonly #turn = new TurnClock();
  #running = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
    const { maxInFlight, maxQueueAgeMs } = limits;
    this.#tooMany = new TransportError('TOO_MANY_CALLS', `The limit of ${maxInFlight} calls under way is reached.`, {
      hint: 'Try again shortly, or call another server; see sideboard.serving.max_in_flight_calls.',
    });
    this.#tooOld = new TransportError(
      'QUEUED_TOO_LONG',
      `The call waited longer than ${maxQueueAgeMs} ms before it could begin.`,
      {
        hint: 'Try again shortly, or call another server; see sideboard.serving.max_queue_age_ms.',
      },
    );
  }

  get running(): number {
    return this.#running;
  }

  /** Why a call that comes now would not be run, by what is under way. */
  get refusal(): TransportError | undefined {
    return this.#running >= this.#limits.maxInFlight ? this.#tooMany : undefined;
  }

  /** Why a call is not to be run. @param arrivedAt when its request was there, in milliseconds since the Unix epoch */
  refusalToRun(arrivedAt: number): TransportError | undefined {
    if (this.#running >= this.#limits.maxInFlight) return this.#tooMany;
    return Date.now() - arrivedAt > this.#limits.maxQueueAgeMs ? this.#tooOld : undefined;
  }

  /**
   * When a request arrived, for {@link refusalToRun}: with much under way, when the turn of the event loop began in which it was read.
   * @param now milliseconds since the Unix epoch
   */
  arrival(now: number): number {
    return this.#running < BUSY ? now : this.#turn.at(now);
  }

  began(): void {
    this.#running++;
  }

  ended(): void {
    this.#running--;
  }
}
