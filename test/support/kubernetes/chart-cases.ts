import { join } from 'node:path';
import { projectRoot } from '../project-root.ts';

/** Values of the chart, and the release of Kubernetes that it is rendered for. */
export interface ChartCase {
  readonly name: string;
  /** `own`: the chart that docker/kubernetes/README.md shows, which has Sideboard's among its charts. */
  readonly chart?: 'own';
  readonly kubernetes: '1.29' | '1.36';
  readonly values: Readonly<Record<string, unknown>>;
}

export const chartFolder = join(projectRoot, 'docker/kubernetes/helm/sideboard');

export const featureStore = `project: shop
registry: https://features.example.com/registry.db
provider: local
online_store:
  type: redis
  connection_string: "redis.data:6379,password=\${REDIS_PASSWORD}"
entity_key_serialization_version: 3
sideboard:
  registry:
    snapshot_path: /var/lib/sideboard/registry.copy
`;

/** What docker/kubernetes/README.md adds to it for serving other pods. */
export const tlsSettings = `sideboard:
  grpc:
    tls:
      cert_file: /etc/sideboard/tls/tls.crt
      key_file: /etc/sideboard/tls/tls.key
      client_ca_file: /etc/sideboard/tls/ca.crt
`;

const config = { featureStore };
const standaloneConfig = { featureStore: featureStore.replace('sideboard:\n', tlsSettings) };
const password = { name: 'REDIS_PASSWORD', valueFrom: { secretKeyRef: { name: 'redis', key: 'password' } } };
const model = { image: 'registry.example.com/model:1', shutdownSeconds: 60 };
const prometheus = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } };

const everySidecarOption = {
  config: { ...config, definitions: 'entities: []\n' },
  env: [password],
  envFrom: [{ secretRef: { name: 'features' } }],
  sidecar: { example: { enabled: true, model } },
  podMonitor: { enabled: true, labels: { release: 'prometheus' } },
  networkPolicy: { enabled: true, monitoring: [prometheus] },
  serviceAccount: { name: 'features' },
  imagePullSecrets: [{ name: 'pull' }],
  podLabels: { team: 'ml' },
  podAnnotations: { note: 'x' },
  extraArgs: ['--log-level=warn'],
  shutdown: { drainSeconds: 20 },
};

const everyStandaloneOption = {
  mode: 'standalone',
  config: { existingConfigMap: 'features' },
  image: { repository: 'registry.example.com/sideboard', digest: `sha256:${'0'.repeat(64)}` },
  env: [password],
  autoscaling: { enabled: true, maxReplicas: 20 },
  podMonitor: { enabled: true },
  networkPolicy: {
    enabled: true,
    clients: [{ podSelector: { matchLabels: { role: 'model' } } }],
    monitoring: [prometheus],
    egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8' } }], ports: [{ protocol: 'TCP', port: 6379 }] }],
  },
  admin: { host: '[::]', port: 8181 },
  grpc: { port: 6565 },
  resources: { limits: { memory: '1Gi', cpu: '2' } },
  shutdown: { preStopSeconds: 15, drainSeconds: 30 },
  standalone: { headlessService: false },
  tls: { secretName: 'sideboard-tls' },
  extraVolumes: [{ name: 'extra', emptyDir: {} }],
  extraVolumeMounts: [{ name: 'extra', mountPath: '/extra' }],
};

/** Each is rendered into test/golden/kubernetes/NAME.yaml. */
export const chartCases: readonly ChartCase[] = [
  { name: 'sidecar', kubernetes: '1.36', values: { config } },
  {
    name: 'sidecar-native',
    kubernetes: '1.29',
    values: { config, env: [password], sidecar: { example: { enabled: true, model } } },
  },
  {
    name: 'sidecar-classic',
    kubernetes: '1.29',
    values: { config, env: [password], sidecar: { native: false, example: { enabled: true, model } } },
  },
  {
    name: 'sidecar-socket',
    kubernetes: '1.36',
    values: { config, env: [password], grpc: { socket: true }, sidecar: { example: { enabled: true, model } } },
  },
  { name: 'sidecar-every-option', kubernetes: '1.36', values: everySidecarOption },
  {
    name: 'standalone',
    kubernetes: '1.36',
    values: { mode: 'standalone', config: standaloneConfig, env: [password], tls: { secretName: 'features-tls' } },
  },
  {
    name: 'standalone-1.29',
    kubernetes: '1.29',
    values: { mode: 'standalone', config, standalone: { insecureAllowRemote: true } },
  },
  { name: 'standalone-every-option', kubernetes: '1.36', values: everyStandaloneOption },
  {
    name: 'own-chart',
    chart: 'own',
    kubernetes: '1.36',
    values: {
      sideboard: { config, env: [password], podMonitor: { enabled: true }, networkPolicy: { enabled: true } },
    },
  },
];
