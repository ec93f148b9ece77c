import type { FeatureViewSpec, RegistrySnapshot } from '../registry/registry-snapshot.ts';
import { IngestError } from './ingest-error.ts';

/**
 * The view of that name, where rows can be written for it.
 * @throws IngestError `INGEST_UNKNOWN_VIEW` or `INGEST_VIEW_NOT_WRITABLE`
 */
export function writableView(registry: RegistrySnapshot, name: string): FeatureViewSpec {
  const view = registry.views.get(name);
  if (view === undefined) {
    const known = [...registry.views.keys()].slice(0, 20).join(', ');
    throw new IngestError(
      'INGEST_UNKNOWN_VIEW',
      `There is no feature view "${name}" in project "${registry.project}".`,
      {
        hint: known === '' ? 'The project has no feature views.' : `Known feature views: ${known}.`,
      },
    );
  }
  if (view.onDemand !== undefined) {
    throw new IngestError(
      'INGEST_VIEW_NOT_WRITABLE',
      `"${name}" is an on-demand feature view: its rows are computed by a Python function.`,
      { hint: 'Write to the views that it reads; Feast itself computes and stores its rows.' },
    );
  }
  if (!view.online) {
    throw new IngestError('INGEST_VIEW_NOT_WRITABLE', `Feature view "${name}" is defined with online=False.`, {
      hint: 'Define it with online=True and run `feast apply`.',
    });
  }
  return view;
}
