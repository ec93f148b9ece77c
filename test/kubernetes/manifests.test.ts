import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { assertSafeAddress } from '../../src/cli/transport-security.ts';
import { loadFeatureStoreConfig } from '../../src/config/load-config.ts';
import { readGoldenJson } from '../support/golden.ts';
import { chartFolder, tlsSettings } from '../support/kubernetes/chart-cases.ts';
import {
  argument,
  type Container,
  type Manifest,
  type PodSpec,
  recordedManifests,
  sidecarOf,
} from '../support/kubernetes/manifests.ts';
import { kubernetesSources } from '../support/kubernetes/recorded-from.ts';
import { projectRoot } from '../support/project-root.ts';

const all = recordedManifests();
const pods = [...all].flatMap(([file, manifests]) =>
  manifests.flatMap((manifest) => {
    const pod = manifest.spec?.template?.spec;
    return pod === undefined ? [] : [{ file, manifest, pod, sidecar: sidecarOf(pod) }];
  }),
);
/** How long the model may take to stop, where it is not the default of 30 seconds. */
const MODEL_SECONDS: Readonly<Record<string, number>> = {
  'sidecar-native.yaml': 60,
  'sidecar-classic.yaml': 60,
  'sidecar-socket.yaml': 60,
  'sidecar-every-option.yaml': 60,
  'own-chart.yaml': 20,
};

describe('what is handed out for Kubernetes', () => {
  it('is renders of both modes, examples and a kustomize build', () => {
    assert.ok(pods.length >= 11, `${pods.length} pods`);
    assert.ok(pods.some(({ pod }) => pod.initContainers !== undefined));
    assert.ok(pods.some(({ pod, sidecar }) => pod.containers.includes(sidecar) && pod.containers.length > 1));
  });

  it('was rendered from the chart, the values and the kustomization as they are: npm run record:kubernetes', () => {
    assert.deepEqual(kubernetesSources(), readGoldenJson('kubernetes', 'recorded-from.json'));
  });

  for (const { file, manifest, pod, sidecar } of pods) {
    describe(`${file}: ${manifest.kind} ${manifest.metadata.name}`, () => {
      it('runs without rights: no root, no privileges, no capabilities, nothing to write on', () => {
        assert.deepEqual(
          { privileged: false, ...sidecar.securityContext },
          {
            runAsNonRoot: true,
            runAsUser: 65532,
            runAsGroup: 65532,
            readOnlyRootFilesystem: true,
            allowPrivilegeEscalation: false,
            privileged: false,
            capabilities: { drop: ['ALL'] },
            seccompProfile: { type: 'RuntimeDefault' },
          },
        );
        assert.equal(pod.automountServiceAccountToken, false);
      });

      it('is probed by numbers of ports that it listens on, and is kept alive whatever the store does', () => {
        const admin = Number(/:(\d+)$/.exec(variable(sidecar, 'SIDEBOARD_ADMIN_ADDRESS') ?? '')?.[1]);
        for (const probe of [sidecar.startupProbe, sidecar.readinessProbe, sidecar.livenessProbe]) {
          assert.equal(probe?.httpGet.port, admin);
        }
        assert.equal(sidecar.startupProbe?.httpGet.path, '/readyz');
        assert.equal(sidecar.readinessProbe?.httpGet.path, '/readyz');
        assert.equal(sidecar.livenessProbe?.httpGet.path, '/livez');
        assert.ok((sidecar.startupProbe?.periodSeconds ?? 10) * (sidecar.startupProbe?.failureThreshold ?? 3) >= 60);
        assert.ok((sidecar.livenessProbe?.periodSeconds ?? 10) * (sidecar.livenessProbe?.failureThreshold ?? 3) >= 60);
        const address = argument(sidecar, 'grpc-address') ?? '';
        const grpc = address.startsWith('unix:') ? [] : [Number(/:(\d+)$/.exec(address)?.[1])];
        assert.deepEqual(
          sidecar.ports?.map(({ containerPort }) => containerPort),
          [...grpc, admin],
        );
      });

      it('answers features to its pod alone, unless it stands alone', () => {
        const address = argument(sidecar, 'grpc-address') ?? '';
        if (!file.startsWith('standalone'))
          assert.match(address, /^(127\.0\.0\.1:50051|unix:\/run\/sideboard\/grpc\.sock)$/);
        else {
          const guarded = sidecar.volumeMounts?.some(({ mountPath }) => mountPath === '/etc/sideboard/tls') === true;
          assert.notEqual(guarded, sidecar.args?.includes('--insecure-allow-remote') === true);
        }
      });

      it('has the time to stop that the model, the drain and what comes before them need', () => {
        const drain = Number(argument(sidecar, 'shutdown-timeout'));
        const model = file.startsWith('standalone') ? 0 : (MODEL_SECONDS[file] ?? 30);
        assert.ok((pod.terminationGracePeriodSeconds ?? 0) >= model + preStopSeconds(sidecar) + drain + 5);
      });

      it('takes secrets by reference only', () => {
        for (const { name, value } of sidecar.env ?? []) {
          if (value !== undefined) assert.ok(['SIDEBOARD_ADMIN_ADDRESS', 'NODE_OPTIONS'].includes(name), name);
        }
        assert.doesNotMatch(JSON.stringify(all.get(file)), /password["']?[=:]\s*["']?(?!\$|[\w"]*\}|password)\w/i);
        assert.deepEqual(
          all.get(file)?.filter(({ kind }) => kind === 'Secret'),
          [],
        );
      });

      it("keeps V8's heap below the memory limit", () => {
        const [, size = '', unit] = /^(\d+)(Mi|Gi)$/.exec(sidecar.resources?.limits?.memory ?? '') ?? [];
        const limit = Number(size) * (unit === 'Gi' ? 1024 : 1);
        const heap = Number(/--max-old-space-size=(\d+)/.exec(variable(sidecar, 'NODE_OPTIONS') ?? '')?.[1]);
        assert.ok(heap > limit * 0.5 && heap < limit * 0.7, `${heap} of ${limit} MiB`);
      });

      it('mounts only volumes that there are, and its configuration from a ConfigMap', () => {
        const volumes = new Set(pod.volumes?.map(({ name }) => name));
        for (const { name, volumeMounts = [] } of containersOf(pod)) {
          for (const mount of volumeMounts) assert.ok(volumes.has(mount.name), `${name}: ${mount.name}`);
        }
        const repo = sidecar.volumeMounts?.find(({ mountPath }) => mountPath === '/repo');
        assert.equal(repo?.readOnly, true);
        const config = pod.volumes?.find(({ name }) => name === repo.name)?.configMap as { name: string };
        const maps = all.get(file)?.filter(({ kind }) => kind === 'ConfigMap') ?? [];
        if (maps.length > 0)
          assert.deepEqual(
            maps.map(({ metadata }) => metadata.name),
            [config.name],
          );
      });

      it('is selected by labels that its pods have', () => {
        const { selector, template } = manifest.spec ?? {};
        if (manifest.kind === 'Job') return;
        for (const [label, value] of Object.entries(selector?.matchLabels ?? { none: '' })) {
          assert.equal(template?.metadata.labels[label], value);
        }
      });
    });
  }

  it('selects, by Services, budgets, monitors and policies, the pods that it defines', () => {
    let checked = 0;
    for (const [file, manifests] of all) {
      const labels = manifests.find(({ spec }) => spec?.template !== undefined)?.spec?.template?.metadata.labels;
      for (const { kind, spec } of manifests) {
        if (!['Service', 'PodDisruptionBudget', 'PodMonitor', 'NetworkPolicy'].includes(kind)) continue;
        const chosen = selectorOf(spec);
        assert.ok(Object.keys(chosen).length > 0);
        for (const [label, value] of Object.entries(chosen)) assert.equal(labels?.[label], value, `${file}: ${kind}`);
        checked++;
      }
    }
    assert.ok(checked >= 12, `${checked} checked`);
  });

  it('monitors a port that the container names', () => {
    const monitors = [...all].flatMap(([file, manifests]) =>
      manifests.filter(({ kind }) => kind === 'PodMonitor').map((monitor) => ({ file, monitor })),
    );
    assert.ok(monitors.length >= 2);
    for (const { file, monitor } of monitors) {
      const [endpoint] = (monitor.spec?.podMetricsEndpoints ?? []) as { port: string; path: string }[];
      const named = pods
        .filter((pod) => pod.file === file)
        .flatMap(({ sidecar }) => sidecar.ports?.map(({ name }) => name));
      assert.ok(named.includes(endpoint?.port), file);
      assert.equal(endpoint?.path, '/metrics');
    }
  });

  it('has the model wait for a native sidecar, and a Job end with one', () => {
    const natives = pods.filter(({ pod }) => pod.initContainers !== undefined);
    for (const { file, sidecar } of natives) {
      assert.equal(sidecar.restartPolicy, 'Always', file);
      assert.ok(sidecar.startupProbe !== undefined);
    }
    assert.ok(natives.some(({ manifest }) => manifest.kind === 'Job'));
    for (const { pod, sidecar } of pods)
      if (pod.containers.includes(sidecar)) assert.equal(sidecar.restartPolicy, undefined);
  });

  it('carries configurations that Sideboard reads, and by which it may listen where it is told to', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sideboard-config-'));
    const path = join(folder, 'feature_store.yaml');
    let read = 0;
    try {
      for (const { file, sidecar } of pods) {
        const text = all.get(file)?.find(({ data }) => data !== undefined)?.data?.['feature_store.yaml'];
        if (text === undefined) continue;
        writeFileSync(path, text);
        const config = await loadFeatureStoreConfig(path, { env: { REDIS_PASSWORD: 'x' } });
        assert.equal(config.project, 'shop');
        const insecureAllowRemote = sidecar.args?.includes('--insecure-allow-remote') === true;
        assertSafeAddress(argument(sidecar, 'grpc-address') ?? '', config, { insecureAllowRemote });
        read++;
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
    assert.ok(read >= 11, `${read} read`);
  });

  it('serves other pods by the settings that the page for it shows', () => {
    const page = readFileSync(join(projectRoot, 'docker/kubernetes/README.md'), 'utf8');
    const shown = [...page.matchAll(/```yaml\n(sideboard:\n {2}grpc:\n[\s\S]*?)```/g)].map(([, block]) => block);
    assert.deepEqual(shown, [tlsSettings]);
    const served = all.get('standalone.yaml')?.find(({ kind }) => kind === 'ConfigMap')?.data?.['feature_store.yaml'];
    assert.ok(served?.includes(tlsSettings));
  });

  it('names the version of the package, in everything that names one', () => {
    const { version }: { version: string } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
    const naming = /(?:sideboard:|version: |newTag: |VERSION=|default "|`)(\d+\.\d+\.\d+)(?![.\d])/gi;
    const versions = readdirSync(join(projectRoot, 'docker'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .flatMap((entry) => [...readFileSync(join(entry.parentPath, entry.name), 'utf8').matchAll(naming)])
      .map(([, found]) => found);
    assert.ok(versions.length >= 11, `${versions.length} versions`);
    assert.deepEqual(new Set(versions), new Set([version]));
  });

  it('takes the values that values.yaml explains, and no others', () => {
    const chart = join(chartFolder, 'values');
    const explained = keysOf(parse(readFileSync(`${chart}.yaml`, 'utf8')));
    const schema: ValuesSchema = JSON.parse(readFileSync(`${chart}.schema.json`, 'utf8'));
    // Helm itself gives every chart `global`, and containers' resources are the API's affair.
    const open = ['global', 'resources.requests', 'resources.limits'];
    const without = (keys: readonly string[]) =>
      keys.filter((key) => !open.some((each) => key.startsWith(each))).sort();
    assert.deepEqual(without(keysOfSchema(schema)), without(explained));
    assert.ok(explained.length > 60, `${explained.length} values`);
  });

  it('is the same container in all plain YAML, but for when it starts and where secrets come from', () => {
    const plain = pods.filter(({ file }) =>
      /^(classic-sidecar|job|kustomize-example|native-sidecar)\.yaml$/.test(file),
    );
    assert.equal(plain.length, 4);
    const body = ({ sidecar }: (typeof plain)[number]): object => {
      const { restartPolicy: _restart, envFrom: _from, image: _image, env = [], ...rest } = sidecar;
      return { ...rest, env: env.filter(({ valueFrom }) => valueFrom === undefined) };
    };
    for (const each of plain.slice(1)) assert.deepEqual(body(each), body(plain[0] ?? each), each.file);
  });
});

interface ValuesSchema {
  readonly additionalProperties?: unknown;
  readonly properties?: Readonly<Record<string, ValuesSchema>>;
}

/** Keys of a document and of what stands below them, with dots. */
function keysOf(value: unknown, at = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => [`${at}${key}`, ...keysOf(inner, `${at}${key}.`)]);
}

/** The same of a schema, which has to be closed wherever it names keys. */
function keysOfSchema({ properties, additionalProperties }: ValuesSchema, at = ''): string[] {
  if (properties === undefined) return [];
  assert.equal(additionalProperties, false, at);
  return Object.entries(properties).flatMap(([key, inner]) => [`${at}${key}`, ...keysOfSchema(inner, `${at}${key}.`)]);
}

function containersOf(pod: PodSpec): readonly Container[] {
  return [...(pod.initContainers ?? []), ...pod.containers];
}

function variable(container: Container, name: string): string | undefined {
  return container.env?.find((entry) => entry.name === name)?.value;
}

function preStopSeconds({ lifecycle }: Container): number {
  const { sleep, exec } = lifecycle?.preStop ?? {};
  return sleep?.seconds ?? Number(/, (\d+)\)$/.exec(exec?.command.at(-1) ?? '')?.[1] ?? 0) / 1000;
}

function selectorOf(spec: Manifest['spec']): Readonly<Record<string, string>> {
  const of = (value: unknown) => (value as { matchLabels?: Record<string, string> } | undefined)?.matchLabels;
  return of(spec?.podSelector) ?? of(spec?.selector) ?? (spec?.selector as Record<string, string>);
}
