import assert from 'node:assert/strict';
import { join } from 'node:path';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  PermissionSpec_AuthzedAction as Action,
  type Permission,
  PermissionSchema,
  PermissionSpec_Type as Type,
} from '../../gen/feast/core/Permission_pb.ts';
import type { PolicySchema } from '../../gen/feast/core/Policy_pb.ts';
import { RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { AccessError } from '../../src/registry/access/access-error.ts';
import { AccessRules, type OnlineAction } from '../../src/registry/access/access-rules.ts';
import type { Caller } from '../../src/registry/access/caller.ts';
import type { ResourceKind } from '../../src/registry/registry-snapshot.ts';
import { createRegistrySnapshot } from '../../src/registry/snapshot-from-proto.ts';
import { requireFeast, run } from '../support/feast-session.ts';
import { projectRoot } from '../support/project-root.ts';
import { createSeededRandom } from '../support/seeded-random.ts';

const SEED = Number(process.env.SEED ?? 20_251);
const QUESTIONS = 1_500;
const KINDS: readonly ResourceKind[] = [
  'feature_view',
  'stream_feature_view',
  'on_demand_feature_view',
  'label_view',
  'feature_service',
];
const NAMES = ['driver_stats', 'driver_stats_fresh', 'drivers', 'zone', 'a.b', 'a-b', 'Zone', 'x1'];
const PATTERNS = [
  ...NAMES.slice(0, 4),
  ...[
    'driver_.*',
    '.*stats',
    'driver|zone',
    'driver.*|zone',
    '[a-z]+',
    '\\w+',
    'a.b',
    'a\\.b',
    'a\\-b',
    'x\\d',
    ' zone ',
  ],
  ...[
    '',
    '.*',
    '^zone$',
    '(?P<all>d.*)s',
    'd.*?',
    '\\Azone\\Z',
    '(drivers|x1)',
    'driver_stats(_fresh)?',
    '[^d].*',
    'x{1}1',
  ],
];
const WORDS = ['a', 'b', 'c'];
interface Question {
  readonly permissions: readonly Permission[];
  readonly kind: ResourceKind;
  readonly name: string;
  readonly action: OnlineAction;
  readonly caller: Caller;
}

const ANN: Omit<Question, 'permissions'> = {
  kind: 'feature_view',
  name: 'zone',
  action: 'READ_ONLINE',
  caller: { name: 'ann', roles: [], groups: [], namespaces: [] },
};

describe("Feast's permissions, next to real Feast", function () {
  this.timeout(120_000);

  before(async function () {
    await requireFeast(this);
  });

  it(`let callers do what they let them do there (SEED=${SEED})`, async () => {
    const random = createSeededRandom(SEED);
    const one = <T>(of: readonly [T, ...T[]] | readonly T[]): T => of[random(of.length)] as T;
    const some = <T>(of: readonly T[], most = of.length): T[] =>
      Array.from({ length: random(most + 1) }, () => one(of));

    const policy = (): MessageInitShape<typeof PolicySchema> => {
      const [roles, groups, namespaces] = [some(WORDS, 2), some(WORDS, 2), some(WORDS, 2)];
      const types = [
        { case: 'roleBasedPolicy' as const, value: { roles } },
        { case: 'groupBasedPolicy' as const, value: { groups } },
        { case: 'namespaceBasedPolicy' as const, value: { namespaces } },
        { case: 'combinedGroupNamespacePolicy' as const, value: { groups, namespaces } },
      ];
      return { name: 'rule', policyType: one(types) };
    };
    const permission = () => {
      const types = some(
        [
          Type.FEATURE_VIEW,
          Type.STREAM_FEATURE_VIEW,
          Type.BATCH_FEATURE_VIEW,
          Type.ON_DEMAND_FEATURE_VIEW,
          Type.LABEL_VIEW,
          Type.FEATURE_SERVICE,
          Type.ENTITY,
        ],
        3,
      );
      const actions = [
        one([Action.READ_ONLINE, Action.WRITE_ONLINE]),
        ...some([Action.READ_ONLINE, Action.WRITE_ONLINE, Action.CREATE, Action.READ_OFFLINE], 2),
      ];
      return create(PermissionSchema, {
        spec: { name: 'rule', project: 'p', types, namePatterns: some(PATTERNS, 2), actions, policy: policy() },
      });
    };
    const questions: Question[] = Array.from({ length: QUESTIONS }, () => ({
      permissions: Array.from({ length: random(5) }, permission),
      kind: one(KINDS),
      name: one(NAMES),
      action: one<OnlineAction>(['READ_ONLINE', 'WRITE_ONLINE']),
      caller: {
        name: 'ann',
        roles: some(WORDS, 2),
        groups: some(WORDS, 2),
        namespaces: some(WORDS, 2),
      } satisfies Caller,
    }));

    // What Feast writes for AllowAll it cannot read back; here it means what it says.
    const forAll = create(PermissionSchema, {
      spec: { name: 'rule', project: 'p', actions: [Action.READ_ONLINE], policy: {} },
    });
    questions.push({ ...ANN, permissions: [forAll] });

    const input = questions.map(({ permissions, ...rest }) => ({
      ...rest,
      permissions: permissions.map((each) => Buffer.from(toBinary(PermissionSchema, each)).toString('base64')),
    }));
    const python = join(projectRoot, '.venv', 'feast', 'bin', 'python');
    const script = join(projectRoot, 'test', 'interop', 'feast', 'permitted.py');
    const { status, stdout, output } = await run(python, [script], JSON.stringify(input));
    assert.equal(status, 0, output);
    const there = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as readonly unknown[];

    const here = questions.map(({ permissions, kind, name, action, caller }) => {
      const registry = create(RegistrySchema, { projects: [{ spec: { name: 'p' } }], permissions: [...permissions] });
      const snapshot = createRegistrySnapshot(registry, 'p', 1, (warning) => assert.fail(warning));
      try {
        new AccessRules(snapshot, 'allow').assertAllowed([{ kind, name, tags: {} }], action, caller);
        return true;
      } catch (error) {
        assert.ok(error instanceof AccessError);
        return false;
      }
    });
    assert.deepEqual([here.pop(), there.at(-1)], [true, "ValueError: The list 'policy' must be non-empty."]);
    const differences = questions
      .slice(0, QUESTIONS)
      .flatMap((question, at) =>
        here[at] === there[at] ? [] : [JSON.stringify({ here: here[at], there: there[at], question })],
      );
    assert.deepEqual(differences.slice(0, 3), []);
    const allowed = here.filter((each) => each).length;
    assert.ok(allowed > QUESTIONS / 5 && allowed < (QUESTIONS * 4) / 5, `${allowed} of ${QUESTIONS} are allowed`);
  });
});
