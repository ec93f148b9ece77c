// Records what the Helm chart and the kustomize example render to, for the tests: npm run record:kubernetes
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { goldenPath } from '../test/support/golden.ts';
import { chartCases } from '../test/support/kubernetes/chart-cases.ts';
import { kubernetesSources } from '../test/support/kubernetes/recorded-from.ts';
import { kustomizeBuild, renderChart } from '../test/support/kubernetes/tools.ts';
import { projectRoot } from '../test/support/project-root.ts';

for (const chartCase of chartCases) {
  const folder = mkdtempSync(join(tmpdir(), 'sideboard-charts-'));
  try {
    writeFileSync(goldenPath('kubernetes', `${chartCase.name}.yaml`), renderChart(chartCase, folder));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
const example = join(projectRoot, 'docker/kubernetes/kustomize/example');
writeFileSync(goldenPath('kubernetes', 'kustomize-example.yaml'), kustomizeBuild(example));
writeFileSync(goldenPath('kubernetes', 'recorded-from.json'), `${JSON.stringify(kubernetesSources(), undefined, 2)}\n`);
