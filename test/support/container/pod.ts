import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Container, PodSpec, Probe } from '../kubernetes/manifests.ts';
import { type ContainerMount, type RunningContainer, startContainer } from './runc-container.ts';
import type { TestImage } from './test-image.ts';

/** What a cluster would know of a pod beyond its manifest. */
export interface PodSurroundings {
  readonly image: TestImage;
  /** Files of ConfigMaps and Secrets, by the name of the volume. */
  readonly files: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Values of variables that refer to Secrets. */
  readonly secrets: Readonly<Record<string, string>>;
}

/**
 * The volumes of a pod as a kubelet lays them: folders of this machine, those of Secrets readable for the group that `fsGroup` names and
 * for nobody else, empty ones open to it.
 */
export function layVolumes(pod: PodSpec, folder: string, { files }: PodSurroundings): ReadonlyMap<string, string> {
  const group = Number(pod.securityContext?.fsGroup ?? 0);
  return new Map(
    (pod.volumes ?? []).map(({ name, emptyDir, secret }) => {
      const path = join(folder, name);
      mkdirSync(path, { recursive: true });
      for (const [file, text] of Object.entries(files[name] ?? {})) {
        writeFileSync(join(path, file), text);
        if (secret === undefined) continue;
        chownSync(join(path, file), 0, group);
        chmodSync(join(path, file), 0o440);
      }
      if (emptyDir !== undefined) {
        chownSync(path, 0, group);
        chmodSync(path, 0o2777);
      }
      return [name, path];
    }),
  );
}

/** Starts a container of a pod: command, environment, user, groups, limits and mounts as its manifest says. */
export function startPodContainer(
  pod: PodSpec,
  container: Container,
  name: string,
  volumes: ReadonlyMap<string, string>,
  { image, secrets }: PodSurroundings,
  extra: { readonly args?: readonly string[]; readonly mounts?: readonly ContainerMount[]; readonly uid?: number } = {},
): RunningContainer {
  const { config, folder, root } = image;
  const context = { ...pod.securityContext, ...container.securityContext };
  const [imageUid, imageGid] = config.User.split(':').map(Number);
  const memory = /^(\d+)Mi$/.exec(container.resources?.limits?.memory ?? '')?.[1];
  return startContainer(folder, {
    name,
    root,
    args: extra.args ?? [...(container.command ?? config.Entrypoint), ...(container.args ?? config.Cmd)],
    // What is set twice counts as it was set last, for the C library too.
    env: [
      ...new Map(
        [...config.Env, ...variables(container, secrets)].map((text) => [text.slice(0, text.indexOf('=')), text]),
      ).values(),
    ],
    cwd: '/',
    uid: extra.uid ?? Number(context.runAsUser ?? imageUid),
    gid: extra.uid ?? Number(context.runAsGroup ?? imageGid),
    groups: context.fsGroup === undefined ? [] : [Number(context.fsGroup)],
    readOnlyRoot: context.readOnlyRootFilesystem === true,
    mounts: [
      ...(container.volumeMounts ?? []).map((mount) => {
        const source = volumes.get(mount.name);
        if (source === undefined) throw new Error(`there is no volume ${mount.name}`);
        return { path: mount.mountPath, source, readOnly: mount.readOnly === true };
      }),
      ...(extra.mounts ?? []),
    ],
    ...(memory === undefined ? {} : { memoryBytes: Number(memory) * 1024 * 1024 }),
  });
}

/** Asks a probe once, at an address of this machine that is not loopback, as a kubelet asks the pod's. @returns the HTTP status, or 0 */
export async function askProbe(probe: Probe | undefined, host: string): Promise<number> {
  if (probe === undefined) throw new Error('there is no such probe');
  const { path, port } = probe.httpGet;
  try {
    const response = await fetch(`http://${host}:${port}${path}`, { signal: AbortSignal.timeout(2_000) });
    await response.text();
    return response.status;
  } catch {
    return 0;
  }
}

function variables(container: Container, secrets: Readonly<Record<string, string>>): readonly string[] {
  return (container.env ?? []).map(({ name, value }) => {
    const given = value ?? secrets[name];
    if (given === undefined) throw new Error(`there is no secret for ${name}`);
    return `${name}=${given}`;
  });
}
