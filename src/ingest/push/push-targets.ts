import type { FeatureViewSpec, RegistrySnapshot } from '../../registry/registry-snapshot.ts';
import { onlineTableFromView } from '../../stores/online-table.ts';
import { IngestError } from '../ingest-error.ts';
import { writableView } from '../writable-view.ts';
import { createPushTarget, type PushTarget } from './push-target.ts';

/** What can be pushed to in one generation of the registry. Targets are prepared when somebody pushes to them. */
export class PushTargets {
  readonly #snapshot: RegistrySnapshot;
  readonly #versioned: boolean;
  readonly #views = new Map<string, PushTarget>();
  readonly #sources = new Map<string, readonly PushTarget[]>();

  /** @param versioned `registry.enable_online_feature_view_versioning`: rows go to the current version of a view */
  constructor(snapshot: RegistrySnapshot, versioned: boolean) {
    this.#snapshot = snapshot;
    this.#versioned = versioned;
  }

  /** @throws IngestError `INGEST_UNKNOWN_VIEW` or `INGEST_VIEW_NOT_WRITABLE` */
  ofView(name: string): PushTarget {
    const known = this.#views.get(name);
    if (known !== undefined) return known;
    const view = writableView(this.#snapshot, name);
    const version = this.#versioned ? view.currentVersion : 0;
    const target = createPushTarget(view, onlineTableFromView(view, this.#snapshot.project, version));
    this.#views.set(name, target);
    return target;
  }

  /**
   * Every view that the source feeds.
   * @throws IngestError `INGEST_UNKNOWN_SOURCE` where there is none, and as {@link ofView} where one of them takes no rows
   */
  ofSource(name: string): readonly PushTarget[] {
    const known = this.#sources.get(name);
    if (known !== undefined) return known;
    const views = this.#viewsFedBy(name);
    if (views.length === 0) throw unknownSource(name, this.#snapshot);
    const targets = views.map((view) => this.ofView(view.name));
    this.#sources.set(name, targets);
    return targets;
  }

  #viewsFedBy(source: string): readonly FeatureViewSpec[] {
    return [...this.#snapshot.views.values()].filter((view) => view.pushSources.includes(source));
  }
}

function unknownSource(name: string, snapshot: RegistrySnapshot): IngestError {
  const views = [...snapshot.views.values()];
  const known = [...new Set(views.flatMap((view) => view.pushSources))].slice(0, 20).join(', ');
  const hint = snapshot.views.has(name)
    ? 'That is the name of a view: name the push source that feeds it, or call WriteToOnlineStore.'
    : known === ''
      ? 'The project has none.'
      : `Known push sources: ${known}.`;
  return new IngestError(
    'INGEST_UNKNOWN_SOURCE',
    `No feature view of project "${snapshot.project}" is fed by a push source "${name}".`,
    { hint },
  );
}
