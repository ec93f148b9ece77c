import type { FeatureView } from '../../../gen/feast/core/FeatureView_pb.ts';
import type { OnDemandFeatureView } from '../../../gen/feast/core/OnDemandFeatureView_pb.ts';
import { dummyEntity } from '../dummy-entity.ts';
import { sourcesOfView, withBatchSource } from './data-source-copies.ts';
import type { RegistryDocument } from './registry-document.ts';
import { registryKinds } from './registry-kinds.ts';

/** An object that definitions cannot say, with what it reads. */
export interface KeptObject {
  readonly kind: string;
  readonly name: string;
  readonly views: ReadonlySet<string>;
  readonly entities: ReadonlySet<string>;
  readonly sources: ReadonlySet<string>;
}

/** Whether definitions cannot say such a view: it is computed by a function, or from other views. */
function isComputed({ spec }: FeatureView): boolean {
  return spec?.featureTransformation !== undefined || (spec?.sourceViews.length ?? 0) > 0;
}

/**
 * What in a project only Feast can have made and only Feast can change: on-demand, stream and label views, computed feature views
 * that are not `named` by the definitions, and services over any of these.
 */
export function keptObjects(
  document: RegistryDocument,
  project: string,
  named: { readonly views: ReadonlySet<string>; readonly services: ReadonlySet<string> },
): readonly KeptObject[] {
  const kept: KeptObject[] = [];
  for (const { message } of document.objects(registryKinds.onDemandFeatureView, project)) {
    kept.push({ kind: 'on-demand feature view', name: message.spec?.name ?? '', ...readByOnDemandView(message) });
  }
  for (const { message } of document.objects(registryKinds.streamFeatureView, project)) {
    if (message.spec !== undefined) kept.push({ kind: 'stream feature view', ...readByView(message.spec) });
  }
  for (const { message } of document.objects(registryKinds.labelView, project)) {
    const { spec } = message;
    if (spec === undefined) continue;
    const view = spec.source === undefined ? spec : { ...spec, batchSource: spec.source };
    const views = new Set(spec.referenceFeatureView === '' ? [] : [spec.referenceFeatureView]);
    kept.push({ kind: 'label view', ...readByView(view), views });
  }
  for (const { message } of document.objects(registryKinds.featureView, project)) {
    const { spec } = message;
    if (spec === undefined || named.views.has(spec.name) || !isComputed(message)) continue;
    kept.push({
      kind: 'computed feature view',
      ...readByView(spec),
      views: new Set(spec.sourceViews.map((view) => view.name)),
    });
  }
  const names = new Set(kept.map(({ name }) => name));
  for (const { message } of document.objects(registryKinds.featureService, project)) {
    const { name = '', features = [] } = message.spec ?? {};
    const views = new Set(features.map((projection) => projection.featureViewName));
    if (named.services.has(name) || ![...views].some((view) => names.has(view))) continue;
    kept.push({ kind: 'feature service', name, views, entities: new Set(), sources: new Set() });
  }
  return kept;
}

type Read = Pick<KeptObject, 'views' | 'entities' | 'sources'>;

function readByView(
  spec: Parameters<typeof sourcesOfView>[0] & { readonly name: string; readonly entities: readonly string[] },
): Read & { readonly name: string } {
  return {
    name: spec.name,
    views: new Set(),
    entities: new Set(spec.entities),
    sources: new Set([...sourcesOfView(spec)].map((source) => source.name)),
  };
}

function readByOnDemandView({ spec }: OnDemandFeatureView): Read {
  const views = new Set<string>();
  const sources = new Set<string>();
  for (const { source } of Object.values(spec?.sources ?? {})) {
    if (source.case === 'featureViewProjection') views.add(source.value.featureViewName);
    if (source.case === 'featureView') views.add(source.value.spec?.name ?? '');
    if (source.case === 'requestDataSource') for (const each of withBatchSource(source.value)) sources.add(each.name);
  }
  const entities = new Set((spec?.entities ?? []).filter((entity) => entity !== dummyEntity.name));
  return { views, entities, sources };
}
