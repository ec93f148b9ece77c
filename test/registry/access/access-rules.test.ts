import assert from 'node:assert/strict';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  PermissionSpec_AuthzedAction as Action,
  PermissionSchema,
  type PermissionSpecSchema,
  PermissionSpec_Type as Type,
} from '../../../gen/feast/core/Permission_pb.ts';
import { PolicySchema } from '../../../gen/feast/core/Policy_pb.ts';
import { type Registry, RegistrySchema } from '../../../gen/feast/core/Registry_pb.ts';
import { AccessError } from '../../../src/registry/access/access-error.ts';
import {
  AccessRules,
  createAccessControl,
  type OnlineAction,
  type Resource,
} from '../../../src/registry/access/access-rules.ts';
import type { Caller } from '../../../src/registry/access/caller.ts';
import { namePatternFromPython } from '../../../src/registry/name-pattern.ts';
import { registryFromBytes } from '../../../src/registry/registry-from-bytes.ts';
import type { RegistrySnapshot } from '../../../src/registry/registry-snapshot.ts';
import { createRegistrySnapshot } from '../../../src/registry/snapshot-from-proto.ts';

const PROJECT = 'rides';
const { READ_ONLINE, WRITE_ONLINE, READ_OFFLINE } = Action;
type Rule = MessageInitShape<typeof PermissionSpecSchema>;
type Policy = NonNullable<NonNullable<Rule['policy']>['policyType']>;

const nobody: Caller = { name: 'nobody', roles: [], groups: [], namespaces: [] };
const view = (name: string, tags: Record<string, string> = {}): Resource => ({ kind: 'feature_view', name, tags });
const stats = view('driver_stats');

function registryOf(rules: readonly Rule[]): Registry {
  const permissions = rules.map((spec) =>
    create(PermissionSchema, { spec: { name: 'rule', project: PROJECT, ...spec } }),
  );
  return create(RegistrySchema, { projects: [{ spec: { name: PROJECT } }], permissions });
}

function snapshotOf(rules: readonly Rule[]): RegistrySnapshot {
  return createRegistrySnapshot(registryOf(rules), PROJECT, 1);
}

function allows(
  rules: readonly Rule[],
  resource: Resource,
  caller: Caller = nobody,
  action: OnlineAction = 'READ_ONLINE',
  byDefault: 'allow' | 'deny' = 'allow',
): boolean {
  try {
    new AccessRules(snapshotOf(rules), byDefault).assertAllowed([resource], action, caller);
    return true;
  } catch (error) {
    assert.ok(error instanceof AccessError);
    assert.equal(error.code, 'ACCESS_DENIED');
    assert.ok(error.message.includes(resource.name) && error.message.includes(action));
    return false;
  }
}

describe("what Feast's permissions let a caller do", () => {
  it('is everything where there is none, or nothing where that is asked for', () => {
    assert.equal(allows([], stats), true);
    assert.equal(allows([], stats, nobody, 'READ_ONLINE', 'deny'), false);
  });

  it('is nothing that no permission covers, as soon as there is one', () => {
    const other: Rule = { namePatterns: ['other'], actions: [READ_ONLINE] };
    assert.equal(allows([other], stats), false);
    assert.equal(allows([{ actions: [WRITE_ONLINE, READ_OFFLINE] }], stats), false);
    assert.equal(allows([{ actions: [READ_ONLINE] }], stats, nobody, 'WRITE_ONLINE'), false);
    assert.equal(allows([{ actions: [WRITE_ONLINE] }], stats, nobody, 'WRITE_ONLINE'), true);
    assert.equal(allows([{ actions: [READ_ONLINE], project: 'another' }], stats, nobody, 'READ_ONLINE', 'deny'), false);
  });

  it('follows the types, in which stream views are feature views too', () => {
    const kinds = [
      'feature_view',
      'stream_feature_view',
      'on_demand_feature_view',
      'label_view',
      'feature_service',
    ] as const;
    const allowed = (...types: Type[]) =>
      kinds.filter((kind) => allows([{ types, actions: [READ_ONLINE] }], { kind, name: 'x', tags: {} }));
    assert.deepEqual(allowed(), [...kinds]);
    assert.deepEqual(allowed(Type.FEATURE_VIEW), ['feature_view', 'stream_feature_view']);
    assert.deepEqual(allowed(Type.STREAM_FEATURE_VIEW), ['stream_feature_view']);
    assert.deepEqual(allowed(Type.ON_DEMAND_FEATURE_VIEW, Type.LABEL_VIEW), ['on_demand_feature_view', 'label_view']);
    assert.deepEqual(allowed(Type.FEATURE_SERVICE), ['feature_service']);
    assert.deepEqual(allowed(Type.BATCH_FEATURE_VIEW, Type.ENTITY, Type.PROJECT), []);
  });

  it('follows name patterns, each of which has to match the whole name', () => {
    const named = (...namePatterns: string[]) => allows([{ namePatterns, actions: [READ_ONLINE] }], stats);
    assert.equal(named('driver_.*'), true);
    assert.equal(named('x', ' driver_stats '), true);
    assert.equal(named('driver'), false);
    assert.equal(named('stats'), false);
    assert.equal(named('driver|stats'), false);
    assert.equal(named('a|driver_stats'), true);
    assert.equal(named('(?i)DRIVER_STATS'), false);
  });

  it('asks for every required tag with its value', () => {
    const rule: Rule = { requiredTags: { team: 'ml', stage: 'prod' }, actions: [READ_ONLINE] };
    assert.equal(allows([rule], view('x', { team: 'ml', stage: 'prod', more: '1' })), true);
    assert.equal(allows([rule], view('x', { team: 'ml' })), false);
    assert.equal(allows([rule], view('x', { team: 'ml', stage: 'dev' })), false);
    assert.equal(allows([{ requiredTags: { constructor: '' }, actions: [READ_ONLINE] }], view('x')), false);
  });

  it('follows the policy: one of its roles, groups or namespaces is enough', () => {
    const by = (policyType: Policy, caller: Partial<Caller>) =>
      allows([{ actions: [READ_ONLINE], policy: { policyType } }], stats, { ...nobody, ...caller });
    const roles = { case: 'roleBasedPolicy', value: { roles: ['a', 'b'] } } satisfies Policy;
    assert.equal(by(roles, { roles: ['x', 'b'] }), true);
    assert.equal(by(roles, { roles: ['x'], groups: ['a'], namespaces: ['a'] }), false);
    const groups = { case: 'groupBasedPolicy', value: { groups: ['a'] } } satisfies Policy;
    assert.equal(by(groups, { groups: ['a'] }), true);
    assert.equal(by(groups, { roles: ['a'] }), false);
    const namespaces = { case: 'namespaceBasedPolicy', value: { namespaces: ['a'] } } satisfies Policy;
    assert.equal(by(namespaces, { namespaces: ['a'] }), true);
    assert.equal(by(namespaces, { groups: ['a'] }), false);
    const both = { case: 'combinedGroupNamespacePolicy', value: { groups: ['a'], namespaces: ['b'] } } satisfies Policy;
    assert.equal(by(both, { groups: ['a'] }), true);
    assert.equal(by(both, { namespaces: ['b'] }), true);
    assert.equal(by(both, { namespaces: ['a'], groups: ['b'] }), false);
    assert.equal(by({ case: 'roleBasedPolicy', value: { roles: [] } }, { roles: ['a'] }), false);
  });

  it('is what any one of several permissions allows', () => {
    const policy = { policyType: { case: 'roleBasedPolicy', value: { roles: ['admin'] } } satisfies Policy };
    const rules: Rule[] = [
      { actions: [READ_ONLINE], policy },
      { namePatterns: ['driver_.*'], actions: [READ_ONLINE] },
    ];
    assert.equal(allows(rules, stats), true);
    assert.equal(allows(rules, view('other')), false);
    assert.equal(allows(rules, view('other'), { ...nobody, roles: ['admin'] }), true);
  });

  it('is worked out anew for another registry', () => {
    const control = createAccessControl('allow');
    control.assertAllowed(snapshotOf([]), [stats], 'READ_ONLINE', undefined);
    assert.throws(
      () => control.assertAllowed(snapshotOf([{ namePatterns: ['x'] }]), [stats], 'READ_ONLINE', nobody),
      AccessError,
    );
  });

  it('does not grow with what cannot be read: patterns match nothing, policies of a later Feast accept nobody', () => {
    const warnings: string[] = [];
    const bytes = toBinary(
      RegistrySchema,
      registryOf([
        { namePatterns: ['(?i)x'], actions: [READ_ONLINE] },
        { actions: [READ_ONLINE], policy: fromBinary(PolicySchema, Buffer.from([9 * 8 + 2, 1, 0])) },
      ]),
    );
    const snapshot = createRegistrySnapshot(registryFromBytes(bytes, 'registry'), PROJECT, 1, (message) =>
      warnings.push(message),
    );
    assert.throws(() => new AccessRules(snapshot, 'allow').assertAllowed([stats], 'READ_ONLINE', nobody), AccessError);
    assert.equal(warnings.length, 2);
  });
});

describe('a name pattern of Python', () => {
  it('means the same here, or nothing', () => {
    const matches = (pattern: string, name: string) => namePatternFromPython(pattern)?.test(name);
    assert.equal(matches('driver\\-stats', 'driver-stats'), true);
    assert.equal(matches('[a\\-z]+', 'a-z'), true);
    assert.equal(matches('\\Aa\\.b\\Z', 'a.b'), true);
    assert.equal(matches('\\Aa\\.b\\Z', 'aXb'), false);
    assert.equal(matches('(?P<n>a)\\w\\d', 'ab1'), true);
    assert.equal(matches('a\\_b\\ c', 'a_b c'), true);
    for (const unreadable of ['(?i)a', '(', '[', 'a**', '\\Qx', '(?P=n)', 'a\\']) {
      assert.equal(namePatternFromPython(unreadable), undefined, unreadable);
    }
  });
});
