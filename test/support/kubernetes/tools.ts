import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { projectRoot } from '../project-root.ts';
import { skipBecause } from '../skip-because.ts';
import { type ChartCase, chartFolder } from './chart-cases.ts';
import { layOwnChart } from './own-chart.ts';

const bin = join(projectRoot, '.tools/bin');
const schemas = join(projectRoot, '.tools/kubernetes-schemas');
const SETUP = 'scripts/setup-kubernetes-tools.sh';

/** Skips where helm is not built: it takes minutes, so `npm run test:kubernetes` builds it and `make test` does not. */
export function needHelm(context: Context): void {
  need(context, ['helm']);
}

/** The same of kustomize. */
export function needKustomize(context: Context): void {
  need(context, ['kustomize']);
}

/** Skips where these are not there, for which `make test` needs Go. */
export function needSchemas(context: Context): void {
  need(context, ['kubeconform']);
  if (!existsSync(join(schemas, '1.36/complete'))) skipBecause(context, `there are no schemas: ${SETUP}`);
}

function need(context: Context, programs: readonly string[]): void {
  const missing = programs.filter((name) => !existsSync(join(bin, name)));
  if (missing.length > 0) skipBecause(context, `${missing.join(' and ')} cannot be found: ${SETUP}`);
}

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function helm(...args: readonly string[]): Ran {
  return spawnSync(join(bin, 'helm'), args, { encoding: 'utf8' });
}

/**
 * @param folder an empty one, for the chart and its values
 * @param source in place of Sideboard's chart
 * @throws Error with what helm said
 */
export function renderChart(chartCase: Omit<ChartCase, 'name'>, folder: string, source?: string): string {
  const { status, stdout, stderr } = tryRender(chartCase, folder, source);
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

export function tryRender(
  { chart, kubernetes, values }: Omit<ChartCase, 'name'>,
  folder: string,
  source = chart === 'own' ? layOwnChart(folder) : chartFolder,
): Ran {
  const file = join(folder, 'values.json');
  writeFileSync(file, JSON.stringify(values));
  return helm('template', 'demo', source, '--kube-version', kubernetes, '--values', file);
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
