import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { goldenPath } from '../support/golden.ts';
import { chartCases, chartFolder, featureStore } from '../support/kubernetes/chart-cases.ts';
import { manifestsFrom, sidecarOf } from '../support/kubernetes/manifests.ts';
import {
  helm,
  kustomizeBuild,
  needKubernetesTools,
  renderChart,
  schemaErrors,
  tryRender,
} from '../support/kubernetes/tools.ts';
import { projectRoot } from '../support/project-root.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const RELEASES = ['1.29', '1.36'] as const;
const kubernetesFolder = join(projectRoot, 'docker/kubernetes');

describe('the Helm chart', function () {
  this.timeout(60_000);
  const temp = useTempFolder();
  before(function () {
    needKubernetesTools(this);
  });

  it('passes helm lint, in strict mode', () => {
    const values = join(temp(), 'values.json');
    writeFileSync(values, JSON.stringify({ config: { featureStore } }));
    const { status, stdout } = helm('lint', '--strict', '--kube-version', '1.36', '--values', values, chartFolder);
    assert.equal(status, 0, stdout);
  });

  for (const { name, kubernetes, values } of chartCases) {
    it(`renders ${name} as it is recorded`, () => {
      assert.equal(
        renderChart({ kubernetes, values }, temp()),
        readFileSync(goldenPath('kubernetes', `${name}.yaml`), 'utf8'),
      );
    });

    for (const release of RELEASES) {
      it(`renders ${name} for Kubernetes ${release} without a field that the API does not know`, () => {
        assert.equal(schemaErrors(renderChart({ kubernetes: release, values }, temp()), release), '');
      });
    }
  }

  const refused: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
    ['no configuration', {}, /config\.featureStore is missing/],
    [
      'a secret as the value of a variable',
      { config: { featureStore }, env: [{ name: 'REDIS_PASSWORD', value: 'hunter2' }] },
      /env REDIS_PASSWORD has a value: a secret comes by valueFrom/,
    ],
    [
      'a password in the configuration',
      { config: { featureStore: featureStore.replace('$' + '{REDIS_PASSWORD}', 'hunter2') } },
      /config\.featureStore holds a secret: write \$\{NAME\}/,
    ],
    [
      'to serve other pods without TLS and authentication unless that is asked for',
      { mode: 'standalone', config: { featureStore } },
      /standalone serves other pods: name tls\.secretName/,
    ],
    [
      'an example without an image',
      { config: { featureStore }, sidecar: { example: { enabled: true } } },
      /sidecar\.example\.model\.image is missing/,
    ],
  ];
  for (const [what, values, message] of refused) {
    it(`refuses ${what}`, () => {
      const { status, stderr } = tryRender({ kubernetes: '1.36', values }, temp());
      assert.notEqual(status, 0);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /hunter2/);
    });
  }

  it("puts the sidecar into a chart of one's own by its named templates", () => {
    const own = join(temp(), 'own');
    mkdirSync(join(own, 'templates'), { recursive: true });
    cpSync(chartFolder, join(own, 'charts/sideboard'), { recursive: true });
    writeFileSync(join(own, 'Chart.yaml'), 'apiVersion: v2\nname: own\nversion: 1.0.0\n');
    writeFileSync(join(own, 'templates/deployment.yaml'), ownDeployment());
    const values = { sideboard: { config: { featureStore }, shutdown: { drainSeconds: 7 } } };
    const text = renderChart({ kubernetes: '1.36', values }, temp(), own);
    assert.equal(schemaErrors(text, '1.36'), '');
    const manifests = manifestsFrom(text);
    const pod = manifests.find(({ kind }) => kind === 'Deployment')?.spec?.template?.spec;
    assert.ok(pod !== undefined);
    assert.equal(pod.terminationGracePeriodSeconds, 32);
    assert.equal(sidecarOf(pod).restartPolicy, 'Always');
    const config = pod.volumes?.find(({ name }) => name === 'sideboard-config')?.configMap as { name: string };
    assert.ok(manifests.some(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === config.name));
  });
});

/** As docker/kubernetes/README.md shows it. */
function ownDeployment(): string {
  const readme = readFileSync(join(kubernetesFolder, 'README.md'), 'utf8');
  const block = /```yaml\n(# templates\/deployment\.yaml[\s\S]*?)```/.exec(readme)?.[1];
  assert.ok(block !== undefined);
  return block;
}

describe('the examples and the kustomize component', function () {
  this.timeout(60_000);
  before(function () {
    needKubernetesTools(this);
  });

  for (const name of readdirSync(join(kubernetesFolder, 'examples'))) {
    it(`examples/${name} has no field that the API does not know`, () => {
      const text = readFileSync(join(kubernetesFolder, 'examples', name), 'utf8');
      for (const release of RELEASES) assert.equal(schemaErrors(text, release), '');
    });
  }

  it('kustomize puts the sidecar into a labelled Deployment, as it is recorded', () => {
    const text = kustomizeBuild(join(kubernetesFolder, 'kustomize/example'));
    for (const release of RELEASES) assert.equal(schemaErrors(text, release), '');
    assert.equal(text, readFileSync(goldenPath('kubernetes', 'kustomize-example.yaml'), 'utf8'));
  });

  it('the schemas catch a misspelt field, a port in words and an image that YAML takes for a flag', () => {
    const text = readFileSync(join(kubernetesFolder, 'examples/native-sidecar.yaml'), 'utf8');
    const broken: readonly (readonly [string, string])[] = [
      ['restartPolicy: Always', 'restartPolcy: Always'],
      ['containerPort: 9090', 'containerPort: "9090"'],
      ['image: sideboard:0.1.0', 'image: yes'],
    ];
    for (const [from, to] of broken) {
      assert.ok(text.includes(from));
      assert.notEqual(schemaErrors(text.replace(from, to), '1.36'), '', to);
    }
    const monitor = readFileSync(goldenPath('kubernetes', 'sidecar-every-option.yaml'), 'utf8');
    assert.equal(schemaErrors(monitor, '1.36'), '');
    assert.notEqual(schemaErrors(monitor.replace('podMetricsEndpoints', 'podMetricEndpoints'), '1.36'), '');
  });
});
