import type { PermissionPolicy, RegistrySnapshot, ResourceKind } from '../registry-snapshot.ts';
import { AccessError } from './access-error.ts';
import type { Caller } from './caller.ts';

/** Feast's names for what serving does. */
export type OnlineAction = 'READ_ONLINE' | 'WRITE_ONLINE';

/** A feature view or feature service, as permissions see it. */
export interface Resource {
  readonly kind: ResourceKind;
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** What a permission says to everybody. */
const EVERYBODY = 'everybody';
type Accepted = typeof EVERYBODY | readonly PermissionPolicy[];

/**
 * Who may read and write, by the permissions of one generation of the registry, with Feast's meaning: a permission lets a caller do what
 * it names with what matches its types, one of its name patterns and all of its required tags, if its policy accepts the caller. One
 * permission is enough. Where the registry has permissions, what none of them covers is denied.
 */
export class AccessRules {
  readonly #registry: RegistrySnapshot;
  readonly #withoutPermissions: 'allow' | 'deny';
  readonly #accepted = new Map<string, Accepted>();

  /** @param withoutPermissions what callers may do where the registry has no permission at all */
  constructor(registry: RegistrySnapshot, withoutPermissions: 'allow' | 'deny') {
    this.#registry = registry;
    this.#withoutPermissions = withoutPermissions;
  }

  /** @throws AccessError `ACCESS_DENIED`, naming the first resource that the caller may not use so */
  assertAllowed(resources: readonly Resource[], action: OnlineAction, caller: Caller): void {
    for (const resource of resources) {
      const accepted = this.#acceptedFor(resource, action);
      if (accepted !== EVERYBODY && !accepted.some((policy) => accepts(policy, caller))) throw denied(resource, action);
    }
  }

  #acceptedFor(resource: Resource, action: OnlineAction): Accepted {
    const key = `${action} ${resource.kind} ${resource.name}`;
    const known = this.#accepted.get(key);
    if (known !== undefined) return known;
    const accepted = this.#compile(resource, action);
    this.#accepted.set(key, accepted);
    return accepted;
  }

  #compile({ kind, name, tags }: Resource, action: OnlineAction): Accepted {
    const { permissions } = this.#registry;
    if (permissions.length === 0) return this.#withoutPermissions === 'allow' ? EVERYBODY : [];
    const policies: PermissionPolicy[] = [];
    for (const each of permissions) {
      if (!(action === 'READ_ONLINE' ? each.readsOnline : each.writesOnline) || !each.kinds.includes(kind)) continue;
      if (each.patterns !== undefined && !each.patterns.some((pattern) => pattern.test(name))) continue;
      const required = Object.entries(each.requiredTags);
      if (!required.every(([tag, value]) => Object.hasOwn(tags, tag) && tags[tag] === value)) continue;
      if (each.policy === undefined) return EVERYBODY;
      policies.push(each.policy);
    }
    return policies;
  }
}

/** Rules for the registry as it is now, compiled once per generation. */
export function createAccessControl(withoutPermissions: 'allow' | 'deny'): AccessControl {
  let current: { readonly registry: RegistrySnapshot; readonly rules: AccessRules } | undefined;
  return {
    assertAllowed(registry, resources, action, caller) {
      if (current?.registry !== registry) current = { registry, rules: new AccessRules(registry, withoutPermissions) };
      current.rules.assertAllowed(resources, action, caller ?? nobody);
    },
  };
}

/** Where callers are known, what they may do. */
export interface AccessControl {
  /** @throws AccessError `ACCESS_DENIED` */
  assertAllowed(
    registry: RegistrySnapshot,
    resources: readonly Resource[],
    action: OnlineAction,
    caller: Caller | undefined,
  ): void;
}

const nobody: Caller = { name: '', roles: [], groups: [], namespaces: [] };

function accepts(policy: PermissionPolicy, caller: Caller): boolean {
  return (
    policy.roles.some((role) => caller.roles.includes(role)) ||
    policy.groups.some((group) => caller.groups.includes(group)) ||
    policy.namespaces.some((namespace) => caller.namespaces.includes(namespace))
  );
}

function denied({ kind, name }: Resource, action: OnlineAction): AccessError {
  return new AccessError('ACCESS_DENIED', `The caller has no permission for ${action} on ${kind} "${name}".`, {
    hint: 'Grant it by a permission of the Feast project, and run `feast apply`.',
  });
}
