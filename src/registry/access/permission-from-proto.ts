import {
  PermissionSpec_AuthzedAction as Action,
  type Permission,
  PermissionSpec_Type as Type,
} from '../../../gen/feast/core/Permission_pb.ts';
import type { PermissionPolicy, PermissionSpec, ResourceKind } from '../registry-snapshot.ts';
import { namePatternFromPython } from './name-pattern.ts';

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
    if (pattern !== undefined) patterns.push(pattern);
    else warn(`The name pattern "${text}" of permission "${spec?.name}" cannot be read here: it matches nothing.`);
  }
  const types = spec?.types ?? [];
  return Object.freeze({
    name: spec?.name ?? '',
    kinds: new Set(types.length === 0 ? allKinds : types.flatMap((type) => kindsOfType[type] ?? [])),
    patterns: (spec?.namePatterns ?? []).length === 0 ? undefined : patterns,
    requiredTags: new Map(Object.entries(spec?.requiredTags ?? {})),
    readsOnline: spec?.actions.includes(Action.READ_ONLINE) ?? false,
    writesOnline: spec?.actions.includes(Action.WRITE_ONLINE) ?? false,
    policy: policyFromProto(spec?.policy, warn),
  });
}

type PolicyProto = NonNullable<NonNullable<Permission['spec']>['policy']>;

/** Of every kind a caller needs one of what is listed, and one kind is enough. */
function policyFromProto(
  policy: PolicyProto | undefined,
  warn: (message: string) => void,
): PermissionPolicy | undefined {
  const none: readonly string[] = [];
  const type = policy?.policyType;
  switch (type?.case) {
    case undefined:
      // A later Feast may know policies that are not known here: they must not let everybody in.
      if ((policy?.$unknown ?? []).length === 0) return undefined;
      warn('A permission has a policy of a kind that is not known here: it lets nobody in.');
      return { roles: none, groups: none, namespaces: none };
    case 'roleBasedPolicy':
      return { roles: type.value.roles, groups: none, namespaces: none };
    case 'groupBasedPolicy':
      return { roles: none, groups: type.value.groups, namespaces: none };
    case 'namespaceBasedPolicy':
      return { roles: none, groups: none, namespaces: type.value.namespaces };
    case 'combinedGroupNamespacePolicy':
      return { roles: none, groups: type.value.groups, namespaces: type.value.namespaces };
  }
}
