import { inspect } from 'node:util';

/** Freezes `object` and has it print, and turn into JSON, as what `show` makes of it. */
export function printable<T extends object>(object: T, show: (object: T) => object): T {
  const shown = (): object => show(object);
  Object.defineProperties(object, {
    toJSON: { value: shown },
    [inspect.custom]: { value: shown },
  });
  return Object.freeze(object);
}
