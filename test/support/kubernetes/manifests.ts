import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { goldenPath } from '../golden.ts';
import { projectRoot } from '../project-root.ts';

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: number | string };
  readonly periodSeconds?: number;
  readonly failureThreshold?: number;
}

/** The parts of a container that the tests look at. */
export interface Container {
  readonly name: string;
  readonly image: string;
  readonly restartPolicy?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: object }[];
  readonly envFrom?: readonly Readonly<Record<string, unknown>>[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly lifecycle?: {
    readonly preStop?: { readonly sleep?: { seconds: number }; readonly exec?: { command: string[] } };
  };
  readonly resources?: { readonly limits?: Readonly<Record<string, string>> };
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

export interface PodSpec {
  readonly terminationGracePeriodSeconds?: number;
  readonly automountServiceAccountToken?: boolean;
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes?: readonly Readonly<Record<string, unknown> & { name: string }>[];
}

export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly selector?: Readonly<Record<string, unknown>> & { readonly matchLabels?: Readonly<Record<string, string>> };
    readonly template?: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: PodSpec;
    };
    readonly [key: string]: unknown;
  };
}

export function manifestsFrom(text: string): readonly Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
}

/** Everything that the project hands out for Kubernetes, by where it stands: recorded renders, examples, the kustomize build. */
export function recordedManifests(): ReadonlyMap<string, readonly Manifest[]> {
  const found = new Map<string, readonly Manifest[]>();
  for (const folder of [goldenPath('kubernetes'), join(projectRoot, 'docker/kubernetes/examples')]) {
    for (const name of readdirSync(folder)
      .sort()
      .filter((each) => each.endsWith('.yaml'))) {
      found.set(name, manifestsFrom(readFileSync(join(folder, name), 'utf8')));
    }
  }
  return found;
}

/** The container that is Sideboard. @throws Error where there is not exactly one */
export function sidecarOf(pod: PodSpec): Container {
  const [container, ...others] = [...(pod.initContainers ?? []), ...pod.containers].filter(
    ({ name }) => name === 'sideboard',
  );
  if (container === undefined || others.length > 0) throw new Error('there is not exactly one container "sideboard"');
  return container;
}

/** What stands behind `--name=` among the arguments. */
export function argument(container: Container, name: string): string | undefined {
  const start = `--${name}=`;
  return container.args?.find((text) => text.startsWith(start))?.slice(start.length);
}
