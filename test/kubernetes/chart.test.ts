import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { goldenPath } from '../support/golden.ts';
import { chartCases, chartFolder, featureStore } from '../support/kubernetes/chart-cases.ts';
import { manifestsFrom, sidecarOf } from '../support/kubernetes/manifests.ts';
import {
  helm,
  kustomizeBuild,
  needHelm,
  needKustomize,
  needSchemas,
  renderChart,
  schemaErrors,
  tryRender,
} from '../support/kubernetes/tools.ts';
import { projectRoot } from '../support/project-root.ts';
import { useTempFolder } from '../support/temp-folder.ts';

describe('the Helm chart', function () {
  this.timeout(60_000);
  const temp = useTempFolder();
  before(function () {
    needHelm(this);
    needSchemas(this);
  });

  it('passes helm lint, in strict mode', () => {
    const values = join(temp(), 'values.json');
    writeFileSync(values, JSON.stringify({ config: { featureStore } }));
    const { status, stdout } = helm('lint', '--strict', '--kube-version', '1.36', '--values', values, chartFolder);
    assert.equal(status, 0, stdout);
  });

  for (const chartCase of chartCases) {
    it(`renders ${chartCase.name} as it is recorded`, () => {
      assert.equal(
        renderChart(chartCase, temp()),
        readFileSync(goldenPath('kubernetes', `${chartCase.name}.yaml`), 'utf8'),
      );
    });

    for (const kubernetes of ['1.29', '1.36'] as const) {
      it(`renders ${chartCase.name} for Kubernetes ${kubernetes} without a field that the API does not know`, () => {
        assert.equal(schemaErrors(renderChart({ ...chartCase, kubernetes }, temp()), kubernetes), '');
      });
    }
  }

  const example = { sidecar: { example: { enabled: true, model: { image: 'registry.example.com/model:1' } } } };
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
      'a key of a cloud in the configuration',
      { config: { featureStore: `${featureStore}offline_store: {type: x, aws_secret_access_key: hunter2}\n` } },
      /config\.featureStore holds a secret/,
    ],
    [
      'a password in a URL of the configuration',
      { config: { featureStore: featureStore.replace('https://features', 'postgresql://u:hunter2@features') } },
      /config\.featureStore holds a secret/,
    ],
    [
      'to serve other pods without TLS and authentication unless that is asked for',
      { mode: 'standalone', config: { featureStore } },
      /standalone serves other pods: name tls\.secretName/,
    ],
    ['a mode that there is not', { mode: 'sidekick', config: { featureStore } }, /at '\/mode': value must be one of/],
    [
      'a value that is misspelt, instead of doing without it',
      { config: { featureStore }, networkPolicy: { enabeld: true } },
      /at '\/networkPolicy': additional properties 'enabeld' not allowed/,
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

  it('gives the heap six tenths of the memory limit, in whatever unit that is written', () => {
    const heaps = ['256Mi', '256M', '0.5Gi', '2G', '524288Ki', '268435456', 268435456, 1.5e9].map((memory) => {
      const values = { config: { featureStore }, resources: { limits: { memory } }, ...example };
      const [manifest] = manifestsFrom(renderChart({ kubernetes: '1.36', values }, temp())).filter(
        ({ kind }) => kind === 'Deployment',
      );
      const pod = manifest?.spec?.template?.spec;
      assert.ok(pod !== undefined);
      return sidecarOf(pod)
        .env?.find(({ name }) => name === 'NODE_OPTIONS')
        ?.value?.replace(/^.*=/, '');
    });
    assert.deepEqual(heaps, ['153', '146', '307', '1144', '307', '153', '153', '858']);
    const strange = { config: { featureStore }, resources: { limits: { memory: '256MB' } }, ...example };
    assert.match(tryRender({ kubernetes: '1.36', values: strange }, temp()).stderr, /limits\.memory is 256MB/);
    const none = { config: { featureStore }, resources: null, ...example };
    assert.equal(tryRender({ kubernetes: '1.36', values: none }, temp()).status, 0);
  });

  it("puts the sidecar into a chart of one's own by its named templates", () => {
    const values = { sideboard: { config: { featureStore }, shutdown: { drainSeconds: 7 } } };
    const text = renderChart({ chart: 'own', kubernetes: '1.36', values }, temp());
    assert.equal(schemaErrors(text, '1.36'), '');
    const manifests = manifestsFrom(text);
    const pod = manifests.find(({ kind }) => kind === 'Deployment')?.spec?.template?.spec;
    assert.ok(pod !== undefined);
    assert.equal(pod.terminationGracePeriodSeconds, 32);
    assert.equal(sidecarOf(pod).restartPolicy, 'Always');
  });

  it('takes secrets that are variables, and files that hold some, wherever they stand', () => {
    const more = [
      `registry: {registry_type: sql, path: "postgresql://u:\${DB_PASSWORD}@db:5432/feast"}`,
      `auth: {type: oidc, client_secret: \${CLIENT_SECRET}, token_env_var: TOKEN, auth_discovery_url: "https://idp:8443/x@y"}`,
      'sideboard: {auth: {tokens_file: /etc/tokens}, redis: {password_file: /etc/password}}',
    ].join('\n');
    const { status, stderr } = tryRender({ kubernetes: '1.36', values: { config: { featureStore: more } } }, temp());
    assert.equal(status, 0, stderr);
  });

  it('tells after an installation of Deployments that it has made, or that it has made none', () => {
    const notes = readFileSync(join(chartFolder, 'templates/NOTES.txt'), 'utf8');
    let told = 0;
    for (const [index, { kubernetes, values }] of chartCases.filter(({ chart }) => chart === undefined).entries()) {
      // helm shows notes where there is a cluster; as a template they are rendered without one.
      const copy = join(temp(), `chart-${index}`);
      cpSync(chartFolder, copy, { recursive: true });
      const template = `{{ define "notes" }}${notes}{{ end }}kind: Notes\nmetadata: {name: x}\ntext: {{ include "notes" . | quote }}\n`;
      writeFileSync(join(copy, 'templates/notes.yaml'), template);
      const manifests = manifestsFrom(renderChart({ kubernetes, values }, temp(), copy));
      const { text } = manifests.find(({ kind }) => kind === 'Notes') as unknown as { text: string };
      const made = manifests.filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => metadata.name);
      assert.deepEqual([...new Set([...text.matchAll(/deployment\/([\w-]+)/g)].map(([, name]) => name))], made);
      if (made.length === 0) assert.match(text, /runs nothing: .*mode=standalone/s);
      told += made.length;
    }
    assert.ok(told >= 6, `${told} Deployments`);
  });

  it('has the pods replaced when the configuration changes, in each of its Deployments', () => {
    const changed = featureStore.replace('project: shop', 'project: store');
    const podsOf = (chartCase: (typeof chartCases)[number], text: string): string => {
      const values = JSON.stringify(chartCase.values).replaceAll(JSON.stringify(featureStore), JSON.stringify(text));
      const manifests = manifestsFrom(renderChart({ ...chartCase, values: JSON.parse(values) }, temp()));
      return JSON.stringify(manifests.find(({ kind }) => kind === 'Deployment')?.spec?.template);
    };
    const cases = chartCases.filter(({ name }) => ['own-chart', 'sidecar-native', 'standalone-1.29'].includes(name));
    assert.equal(cases.length, 3);
    for (const each of cases) assert.notEqual(podsOf(each, changed), podsOf(each, featureStore), each.name);
  });
});

describe('the kustomize component', function () {
  this.timeout(60_000);
  before(function () {
    needKustomize(this);
  });

  it('puts the sidecar into a labelled Deployment, as it is recorded', () => {
    const text = kustomizeBuild(join(projectRoot, 'docker/kubernetes/kustomize/example'));
    assert.equal(text, readFileSync(goldenPath('kubernetes', 'kustomize-example.yaml'), 'utf8'));
  });
});
