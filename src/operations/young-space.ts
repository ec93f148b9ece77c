import { setFlagsFromString } from 'node:v8';

/** V8's own default. */
const GROWTH_FACTOR = 2;

/**
 * Keeps V8's space for young objects as small as it is, for the time of a start. Loading modules fills it with objects that stay,
 * which V8 takes for a reason to let it grow to its limit, 32 MB in all, and that memory never goes back. What stays is moved
 * to the old space either way. Under load afterwards it grows as it would have.
 *
 * V8 reads the flag whenever the space is about to grow, so it may be changed while it runs.
 *
 * @returns lets it grow again; safe to call twice
 */
export function holdYoungSpace(): () => void {
  setFlagsFromString('--semi-space-growth-factor=1');
  return () => setFlagsFromString(`--semi-space-growth-factor=${GROWTH_FACTOR}`);
}
