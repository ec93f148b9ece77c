import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { projectRoot } from '../project-root.ts';
import { chartCases } from './chart-cases.ts';
import { ownDeployment } from './own-chart.ts';

const FOLDERS = ['docker/kubernetes/helm', 'docker/kubernetes/kustomize'];

/**
 * SHA-256 of all that the renders in test/golden/kubernetes are made from, by file. Rendering takes helm, which takes minutes to build;
 * that the records are older than what they were made from can be told without it.
 */
export function kubernetesSources(): Readonly<Record<string, string>> {
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(join(projectRoot, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(projectRoot, join(entry.parentPath, entry.name))),
  ).sort();
  return {
    ...Object.fromEntries(files.map((file) => [file, sha256(readFileSync(join(projectRoot, file)))])),
    'templates/deployment.yaml in docker/kubernetes/README.md': sha256(ownDeployment()),
    'values in test/support/kubernetes/chart-cases.ts': sha256(JSON.stringify(chartCases)),
  };
}

function sha256(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex');
}
