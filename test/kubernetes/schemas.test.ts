import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { goldenPath } from '../support/golden.ts';
import { needSchemas, schemaErrors } from '../support/kubernetes/tools.ts';
import { projectRoot } from '../support/project-root.ts';

const kubernetesFolder = join(projectRoot, 'docker/kubernetes');

/** Every field against what the API servers of two releases publish, in the strict mode of kubeconform. */
describe('what is handed out for Kubernetes, against its schemas', function () {
  this.timeout(60_000);
  before(function () {
    needSchemas(this);
  });

  for (const release of ['1.29', '1.36'] as const) {
    it(`has no field that the API of Kubernetes ${release} does not know`, () => {
      const texts = [goldenPath('kubernetes'), join(kubernetesFolder, 'examples')].flatMap((folder) =>
        readdirSync(folder)
          .filter((name) => name.endsWith('.yaml'))
          .map((name) => `# ${name}\n${readFileSync(join(folder, name), 'utf8')}`),
      );
      assert.ok(texts.length >= 13, `${texts.length} files`);
      assert.equal(schemaErrors(texts.join('\n---\n'), release), '');
    });
  }

  it('catches a misspelt field, a port in words and an image that YAML takes for a flag', () => {
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
    assert.notEqual(schemaErrors(monitor.replace('podMetricsEndpoints', 'podMetricEndpoints'), '1.36'), '');
  });
});
