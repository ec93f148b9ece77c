import { ServingError } from './serving-error.ts';

/** A parsed `view:feature` or `view@vN:feature`. */
export interface FeatureReference {
  readonly text: string;
  readonly view: string;
  readonly feature: string;
  /** The version asked for: a number, `latest` for `@latest` and a bare `@`, `undefined` without `@`. */
  readonly version: number | 'latest' | undefined;
}

const VERSION_SUFFIX = /^(.*)@(?:[vV](\d{1,9})|(latest)?)$/s;

/**
 * Reads a feature reference as Feast does: the view ends at the first colon, a version suffix is `@vN` (any case),
 * `@latest` or `@`; any other `@` belongs to the view's name.
 * @throws ServingError `INVALID_FEATURE_REFERENCE`
 */
export function parseFeatureReference(text: string): FeatureReference {
  const colon = text.indexOf(':');
  if (colon <= 0 || colon === text.length - 1) {
    throw new ServingError(
      'INVALID_FEATURE_REFERENCE',
      `The feature reference "${text}" names no ${colon > 0 ? 'feature' : 'feature view'}.`,
      {
        hint: 'Write "view:feature" or "view@v2:feature", or ask for a feature service.',
      },
    );
  }
  const left = text.slice(0, colon);
  const feature = text.slice(colon + 1);
  const match = VERSION_SUFFIX.exec(left);
  if (match === null) return { text, view: left, feature, version: undefined };
  const [, view = '', number] = match;
  return { text, view, feature, version: number === undefined ? 'latest' : Number(number) };
}
