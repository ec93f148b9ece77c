import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { projectRoot } from '../project-root.ts';
import { skipBecause } from '../skip-because.ts';
import { type ChartCase, chartFolder } from './chart-cases.ts';

const bin = join(projectRoot, '.tools/bin');
const schemas = join(projectRoot, '.tools/kubernetes-schemas');

/** Skips where the programs are not built: they take minutes, so `npm run test:kubernetes` builds them and `make test` does not. */
export function needKubernetesTools(context: Context): void {
  const missing = ['helm', 'kubeconform', 'kustomize'].filter((name) => !existsSync(join(bin, name)));
  if (missing.length > 0 || !existsSync(join(schemas, '1.36/complete'))) {
    skipBecause(context, `${missing.join(', ') || 'the schemas'} are not built: scripts/setup-kubernetes-tools.sh`);
  }
}

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function helm(...args: readonly string[]): Ran {
  return spawnSync(join(bin, 'helm'), args, { encoding: 'utf8' });
}

/** @param folder for the file of values @throws Error with what helm said */
export function renderChart(
  { kubernetes, values }: Omit<ChartCase, 'name'>,
  folder: string,
  chart = chartFolder,
): string {
  const { status, stdout, stderr } = tryRender({ kubernetes, values }, folder, chart);
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

export function tryRender({ kubernetes, values }: Omit<ChartCase, 'name'>, folder: string, chart = chartFolder): Ran {
  const file = join(folder, 'values.json');
  writeFileSync(file, JSON.stringify(values));
  return helm('template', 'demo', chart, '--kube-version', kubernetes, '--values', file);
}

export function kustomizeBuild(folder: string): string {
  return execFileSync(join(bin, 'kustomize'), ['build', folder], { encoding: 'utf8' });
}

/** @returns what is wrong with the manifests for a release of Kubernetes; empty where nothing is */
export function schemaErrors(manifests: string, kubernetes: ChartCase['kubernetes']): string {
  const location = join(schemas, kubernetes, '{{.ResourceKind}}{{.KindSuffix}}.json');
  const args = ['-strict', '-schema-location', location];
  const { status, stdout, stderr } = spawnSync(join(bin, 'kubeconform'), args, { encoding: 'utf8', input: manifests });
  const said = (stdout + stderr).trim();
  return status === 0 ? '' : said || `kubeconform ended with ${status}`;
}
