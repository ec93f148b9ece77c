import {
  PermissionSpec_AuthzedAction as Action,
  type Permission,
  PermissionSpec_Type as Type,
} from '../../gen/feast/core/Permission_pb.ts';
import { namePatternFromPython } from './name-pattern.ts';
import type { PermissionPolicy, PermissionSpec, ResourceKind } from './registry-snapshot.ts';

/** In Feast a batch view or stream view is a feature view too; a registry does not tell batch views from others. */
const kindsOfType: Readonly<Partial<Record<Type, readonly ResourceKind[]>>> = {
  [Type.FEATURE_VIEW]: ['feature_view', 'stream_feature_view'],
  [Type.STREAM_FEATURE_VIEW]: ['stream_feature_view'],
  [Type.ON_DEMAND_FEATURE_VIEW]: ['on_demand_feature_view'],
  [Type.LABEL_VIEW]: ['label_view'],
  [Type.FEATURE_SERVICE]: ['feature_service'],
};
const allKinds: readonly ResourceKind[] = [
  'feature_view',
  'stream_feature_view',
  'on_demand_feature_view',
  'label_view',
  'feature_service',
];

/** @param warn told about patterns that let nobody in, because they cannot be read */
export function permissionFromProto({ spec }: Permission, warn: (message: string) => void): PermissionSpec {
  const patterns: RegExp[] = [];
  for (const text of spec?.namePatterns ?? []) {
    const pattern = namePatternFromPython(text.trim());
    if (pattern !== undefined) patterns.push(Object.freeze(pattern));
    else warn(`The name pattern "${text}" of permission "${spec?.name}" cannot be read here: it matches nothing.`);
  }
  const types = spec?.types ?? [];
  return Object.freeze({
    name: spec?.name ?? '',
    kinds: Object.freeze(types.length === 0 ? allKinds : types.flatMap((type) => kindsOfType[type] ?? [])),
    patterns: (spec?.namePatterns ?? []).length === 0 ? undefined : Object.freeze(patterns),
    requiredTags: Object.freeze({ ...spec?.requiredTags }),
    readsOnline: spec?.actions.includes(Action.READ_ONLINE) ?? false,
    writesOnline: spec?.actions.includes(Action.WRITE_ONLINE) ?? false,
    policy: policyFromProto(spec?.policy, warn),
  });
}

type PolicyProto = NonNullable<NonNullable<Permission['spec']>['policy']>;

/** A caller has to match one entry of one kind. */
function policyFromProto(
  policy: PolicyProto | undefined,
  warn: (message: string) => void,
): PermissionPolicy | undefined {
  const type = policy?.policyType;
  switch (type?.case) {
    case undefined:
      // A later Feast may know policies that are not known here: they must not let everybody in.
      if ((policy?.$unknown ?? []).length === 0) return undefined;
      warn('A permission has a policy of a kind that is not known here: it lets nobody in.');
      return policyOf({});
    case 'roleBasedPolicy':
    case 'groupBasedPolicy':
    case 'namespaceBasedPolicy':
    case 'combinedGroupNamespacePolicy':
      return policyOf(type.value);
  }
}

function policyOf(accepted: Partial<PermissionPolicy>): PermissionPolicy {
  const list = (names: readonly string[] = []): readonly string[] => Object.freeze([...names]);
  return Object.freeze({
    roles: list(accepted.roles),
    groups: list(accepted.groups),
    namespaces: list(accepted.namespaces),
  });
}
