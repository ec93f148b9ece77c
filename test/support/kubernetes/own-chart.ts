import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../project-root.ts';
import { chartFolder } from './chart-cases.ts';

/** The template of a Deployment that docker/kubernetes/README.md shows for a chart of one's own. */
export function ownDeployment(): string {
  const readme = readFileSync(join(projectRoot, 'docker/kubernetes/README.md'), 'utf8');
  const block = /```yaml\n(# templates\/deployment\.yaml[\s\S]*?)```/.exec(readme)?.[1];
  if (block === undefined) throw new Error('docker/kubernetes/README.md shows no templates/deployment.yaml');
  return block;
}

/** Lays a chart with that template, and with the chart of Sideboard among its charts. @returns its folder */
export function layOwnChart(parent: string): string {
  const own = join(parent, 'own');
  mkdirSync(join(own, 'templates'), { recursive: true });
  cpSync(chartFolder, join(own, 'charts/sideboard'), { recursive: true });
  writeFileSync(join(own, 'Chart.yaml'), 'apiVersion: v2\nname: own\nversion: 1.0.0\n');
  writeFileSync(join(own, 'templates/deployment.yaml'), ownDeployment());
  return own;
}
