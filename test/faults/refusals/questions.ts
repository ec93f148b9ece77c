import { writeRequest } from '../../support/push-project.ts';
import { JOIN_KEY, markedFeatures, markedViews } from '../data/marked-data.ts';
import { markedRequest } from '../data/marked-requests.ts';

/** An entity that the load never asks for: written to, and in the way where a fault concerns a single key. */
export const OTHER_ENTITY = 9_001;

/** A single call beside the load, and the code that it has to end with. */
export interface Question {
  readonly what: string;
  readonly kind: 'read' | 'write';
  readonly message: Uint8Array;
  /** `OK`, or the code of a failure. */
  readonly code: string;
  /** Words of its message. */
  readonly says?: string;
}

/** Reads all features of one entity: of one that is stored, unless it says otherwise. */
export function reading(code: string, says?: string, entity = 1): Question {
  return question('reading', 'read', markedRequest([entity]).bytes, code, says);
}

export function readingOneFeature(code: string, says?: string): Question {
  return question('reading one feature', 'read', markedRequest([1], markedFeatures.slice(0, 1)).bytes, code, says);
}

/** Writes a row of {@link OTHER_ENTITY}. */
export function writing(code: string, says?: string): Question {
  const [view] = markedViews;
  if (view === undefined) throw new RangeError('there is no view');
  const row = writeRequest(view.name, {
    [JOIN_KEY]: `${OTHER_ENTITY}`,
    event_timestamp: '2026-06-01T00:00:00Z',
    ...Object.fromEntries(view.features.map(({ name }, n) => [name, n % 2 === 0 ? '5' : 'text'])),
  });
  return question('writing', 'write', row, code, says);
}

function question(
  what: string,
  kind: Question['kind'],
  message: Uint8Array,
  code: string,
  says: string | undefined,
): Question {
  return { what, kind, message, code, ...(says === undefined ? {} : { says }) };
}
